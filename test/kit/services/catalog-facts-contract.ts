import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import type { RawRequests } from '../../servers/consul/catalog-fixture.js';

interface Answer {
  readonly Results: readonly Readonly<Record<string, Readonly<Record<string, unknown>>>>[] | null;
  readonly Errors: readonly { readonly OpIndex: number; readonly What: string }[] | null;
}

/**
 * What docs/decisions/0009-services-are-entries.md says of transactions on the catalog. Run against real servers and the
 * catalog in memory alike, so that what is simulated is what was measured.
 */
export function catalogFactsContract(name: string, requests: () => RawRequests): void {
  describe(`transactions on the catalog: ${name}`, () => {
    let node: string;
    beforeEach(async () => {
      node = `host-${randomUUID()}`;
      await pass([{ Node: { Verb: 'set', Node: { Node: node, Address: '127.0.0.1' } } }]);
    });

    const transact = async (operations: readonly unknown[]): Promise<Answer> =>
      JSON.parse((await requests().request('PUT', '/v1/txn', JSON.stringify(operations))).text) as Answer;
    const pass = async (operations: readonly unknown[]) => {
      const answer = await transact(operations);
      expect(answer.Errors ?? []).toEqual([]);
      return answer.Results ?? [];
    };
    const failuresOf = async (operations: readonly unknown[]) =>
      ((await transact(operations)).Errors ?? []).map(({ OpIndex, What }) => [OpIndex, What]);
    const service = (verb: string, more: Readonly<Record<string, unknown>> = {}) => ({
      Service: { Verb: verb, Node: node, Service: { ID: 'i', Service: 'web', Port: 80, ...more } },
    });
    const indexIn = (results: Answer['Results']): unknown => results?.[0]?.['Service']?.['ModifyIndex'];
    const stale = (verb: string) => `failed to ${verb} service "i" on node "${node}", index is stale`;

    it('a service is made only where it does not exist, and replaced only at its index', async () => {
      const [made] = [await pass([service('cas', { ModifyIndex: 0 })])];
      expect(await failuresOf([service('cas', { ModifyIndex: 0 })])).toEqual([[0, stale('set')]]);
      const index = indexIn(made);
      const renamed = await pass([service('cas', { ModifyIndex: index, Service: 'other' })]);
      expect(renamed[0]?.['Service']?.['Service']).toBe('other');
      expect(await failuresOf([service('cas', { ModifyIndex: index })])).toEqual([[0, stale('set')]]);
    });

    it('what is there already keeps its index', async () => {
      const index = indexIn(await pass([service('set')]));
      expect(indexIn(await pass([service('cas', { ModifyIndex: index })]))).toBe(index);
      expect(indexIn(await pass([service('get')]))).toBe(index);
    });

    it('a service is removed only at its index, and not where it is gone', async () => {
      const index = indexIn(await pass([service('set')]));
      expect(await failuresOf([service('delete-cas', { ModifyIndex: 1 })])).toEqual([[0, stale('delete')]]);
      await pass([service('delete-cas', { ModifyIndex: index })]);
      expect(await failuresOf([service('delete-cas', { ModifyIndex: index })])).toEqual([
        [0, stale('delete')],
      ]);
    });

    it('each operation that misses something says so, and nothing is applied', async () => {
      const missing = `service "i" on node "${node}" doesn't exist`;
      const key = `test/${node}`;
      const set = { KV: { Verb: 'set', Key: key, Value: '' } };
      expect(await failuresOf([set, service('get'), service('get')])).toEqual([
        [1, missing],
        [2, missing],
      ]);
      expect(await failuresOf([{ KV: { Verb: 'get', Key: key } }])).toEqual([
        [0, `key "${key}" doesn't exist`],
      ]);
    });

    it('a service wants its node, and goes with it', async () => {
      const elsewhere = {
        Service: { Verb: 'set', Node: `no-${node}`, Service: { ID: 'i', Service: 'web' } },
      };
      expect(await failuresOf([elsewhere])).toEqual([[0, 'Missing node registration']]);
      await pass([service('set')]);
      await pass([{ Node: { Verb: 'delete', Node: { Node: node } } }]);
      expect((await failuresOf([service('get')]))[0]?.[1]).toContain("doesn't exist");
    });

    it('a node is made only where there is none', async () => {
      const create = { Node: { Verb: 'cas', Node: { Node: node, Address: '127.0.0.1', ModifyIndex: 0 } } };
      expect(await failuresOf([create])).toEqual([[0, `failed to set node "${node}", index is stale`]]);
    });

    it('a check does not move the index of its service, and goes with it', async () => {
      const check = {
        Check: {
          Verb: 'set',
          Check: { Node: node, CheckID: 'c', Name: 'c', Status: 'critical', ServiceID: 'i' },
        },
      };
      const index = indexIn(await pass([service('set')]));
      await pass([check]);
      expect(indexIn(await pass([service('get')]))).toBe(index);
      await pass([service('delete')]);
      const { text } = await requests().request('GET', `/v1/health/node/${node}?consistent`);
      expect(JSON.parse(text)).toEqual([]);
      expect(await failuresOf([check])).toHaveLength(1);
    });

    it('all that is written in one transaction shares its index, keys and services alike', async () => {
      const set = { KV: { Verb: 'cas', Key: `test/${node}`, Value: '', Index: 0 } };
      const [key, one] = await pass([set, service('set')]);
      expect(key?.['KV']?.['ModifyIndex']).toBe(one?.['Service']?.['ModifyIndex']);
    });
  });
}
