import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PresentReading } from '../../../src/core/observation.js';
import type { WriteOperation } from '../../../src/ports/replica.js';
import { MappingPaths } from '../../../src/zookeeper/mapping-paths.js';
import { ancestorsOf } from '../../../src/zookeeper/parent-nodes.js';
import { multiRequest } from '../../../src/zookeeper/requests.js';
import { writeLimits } from '../../../src/zookeeper/write-limits.js';
import { parentsNeeded, planWrite, type WritePlan } from '../../../src/zookeeper/write-plan.js';

const paths = new MappingPaths('/root/config', '/ours');
const acl = [{ scheme: 'digest', id: 'user:'.padEnd(40, 'x'), permissions: 31 }];
const ledgerPath = '/ours/default/config';

const create = (key: string, value = ''): WriteOperation => ({
  kind: 'create',
  key,
  value: Buffer.from(value),
});
const base = (children = 0): PresentReading => ({
  kind: 'present',
  version: { modified: 9n, created: 5n, revision: 3 },
  value: Buffer.from('old'),
  digest: 'old',
  flags: 0n,
  children,
  session: undefined,
  stamp: undefined,
});
const remove = (key: string, children = 0): WriteOperation => ({ kind: 'delete', key, base: base(children) });

function plan(operations: WriteOperation[], missing: string[] = []): WritePlan {
  const context = { paths, ledgerPath, acl, missing: new Set(missing) };
  return planWrite({ operations, ledger: undefined }, context);
}

const shown = ({ operations }: WritePlan) => operations.map(({ kind, path }) => `${kind} ${path}`);

describe('planWrite', () => {
  it('makes missing parents top down, each once, just before the first entry that needs it', () => {
    const missing = ['/root', '/root/config', '/root/config/a', '/root/config/a/b'];
    const planned = plan([create('z'), create('a/b/c'), create('a/b/d')], missing);
    expect(shown(planned)).toEqual([
      'create /root',
      'create /root/config',
      'create /root/config/z',
      'create /root/config/a',
      'create /root/config/a/b',
      'create /root/config/a/b/c',
      'create /root/config/a/b/d',
    ]);
    expect(planned.steps.map((step) => (step.kind === 'parent' ? step.key : undefined))).toEqual([
      ...[undefined, undefined, undefined, 'a', 'a/b', undefined, undefined],
    ]);
  });

  it('does not make a parent that an earlier operation of the batch makes', () => {
    expect(shown(plan([create('a', 'x'), create('a/b')], ['/root/config/a']))).toEqual([
      'create /root/config/a',
      'create /root/config/a/b',
    ]);
    expect(
      parentsNeeded({ operations: [create('a', 'x'), create('a/b')], ledger: undefined }, paths),
    ).toEqual(new Set(['/root/config']));
  });

  it('makes a parent again that an earlier operation of the batch removes', () => {
    expect(shown(plan([remove('a'), create('a/b')]))).toEqual([
      'delete /root/config/a',
      'create /root/config/a',
      'create /root/config/a/b',
    ]);
  });

  it('S3: every write carries the version it was decided on', () => {
    const update: WriteOperation = { kind: 'update', key: 'u', value: Buffer.from('new'), base: base() };
    const ledger = { content: 'l', expected: { modified: 1n, created: 1n, revision: 8 } };
    const context = { paths, ledgerPath, acl, missing: new Set<string>() };
    const { operations } = planWrite({ operations: [update, remove('d')], ledger }, context);
    expect(operations).toMatchObject([
      { kind: 'setData', path: ledgerPath, version: 8 },
      { kind: 'setData', path: '/root/config/u', version: 3 },
      { kind: 'delete', path: '/root/config/d', version: 3 },
    ]);
  });

  it('S3: makes a misbound node anew in its place, under its version, bound and accessible as told', () => {
    const misbound = { ...base(), isMisbound: true };
    const update: WriteOperation = { kind: 'update', key: 'u', value: Buffer.from('new'), base: misbound };
    const batch = { operations: [update, create('c', 'x')], ledger: undefined };
    const rules = [{ scheme: 'world', id: 'anyone', permissions: 1 }];
    const access = new Map([['/root/config/u', JSON.stringify(rules)]]);
    const mode = 'ephemeral';
    const { operations } = planWrite(batch, {
      ...{ paths, ledgerPath, acl, missing: new Set(['/root/config']), mode, access },
    });
    expect(operations).toEqual([
      { kind: 'delete', path: '/root/config/u', version: 3 },
      { kind: 'create', path: '/root/config/u', data: Buffer.from('new'), acl: rules, mode },
      { kind: 'create', path: '/root/config', data: new Uint8Array(), acl },
      { kind: 'create', path: '/root/config/c', data: Buffer.from('x'), acl, mode },
    ]);
    const [, again] = planWrite(batch, { paths, ledgerPath, acl, missing: new Set() }).operations;
    expect(again).toMatchObject({ kind: 'create', acl, mode: undefined });
  });

  it('clears a node that keeps children, and deletes it when all of them go before it', () => {
    expect(shown(plan([remove('p/a'), remove('p', 2)]))).toEqual([
      'delete /root/config/p/a',
      'setData /root/config/p',
    ]);
    expect(shown(plan([remove('p/a'), remove('p/b'), remove('p', 2)]))[2]).toBe('delete /root/config/p');
    const cleared = plan([remove('p', 1)]).operations[0];
    expect(cleared).toMatchObject({ kind: 'setData', version: 3, data: new Uint8Array() });
  });
});

describe('writeLimits', () => {
  const limits = writeLimits(paths, acl, 1_048_575);
  const segment = fc.string({ unit: 'grapheme', maxLength: 12 });
  const key = fc.array(segment, { minLength: 1, maxLength: 6 }).map((segments) => segments.join('/'));
  const operation = fc.record({ key, valueBytes: fc.nat({ max: 5_000 }) });

  it('never tells less than what an operation takes, the parents that it may have to make included', () => {
    fc.assert(
      fc.property(fc.uniqueArray(operation, { selector: (one) => one.key, maxLength: 20 }), (batch) => {
        const operations = batch.map((one) => create(one.key, 'x'.repeat(one.valueBytes)));
        const needed = operations.flatMap((one) => ancestorsOf(paths.pathOf(one.key)));
        const planned = plan(
          operations,
          needed.filter((path) => path.startsWith('/root/config/')),
        );
        const told = batch.reduce((sum, one) => sum + limits.operationBytes(one.key, one.valueBytes), 0);
        const frameBytes = multiRequest([]).frame.length;
        expect(multiRequest(planned.operations).frame.length).toBeLessThanOrEqual(told + frameBytes);
      }),
    );
  });

  it('tells of both halves where nodes may be made anew in their place', () => {
    const replacing = writeLimits(paths, acl, 1_048_575, true);
    fc.assert(
      fc.property(operation, ({ key: of, valueBytes }) => {
        const misbound = { ...base(), isMisbound: true };
        const value = Buffer.from('x'.repeat(valueBytes));
        const planned = plan([{ kind: 'update', key: of, value, base: misbound }]);
        const told = replacing.operationBytes(of, valueBytes) + multiRequest([]).frame.length;
        expect(multiRequest(planned.operations).frame.length).toBeLessThanOrEqual(told);
      }),
    );
  });

  it('leaves room for the largest value beside a long key, a ledger and the nodes above the root', () => {
    const long = 'k'.repeat(7_000);
    expect(limits.unmappable(long)).toBeUndefined();
    const ledger = { content: 'x'.repeat(8 * 1024), expected: undefined };
    const operations = [create(long, 'x'.repeat(limits.valueBytesMax))];
    const missing = new Set(['/root', '/root/config']);
    const planned = planWrite({ operations, ledger }, { paths, ledgerPath, acl, missing });
    expect(multiRequest(planned.operations).frame.length).toBeLessThan(1_048_575);
  });

  it('refuses keys that no batch should have to carry, and reserved ones, saying why', () => {
    expect(limits.unmappable('k'.repeat(20_000))).toContain('16384 bytes');
    expect(limits.unmappable(Array.from({ length: 2_000 }, () => 'k').join('/'))).toContain('16384 bytes');
    const whole = writeLimits(new MappingPaths('/', '/ours'), acl, 1_048_575);
    expect(whole.unmappable('zookeeper/quota')).toBe('/zookeeper/quota is reserved');
    expect(whole.unmappable('ours')).toBe('/ours is reserved');
    expect(whole.unmappable('theirs')).toBeUndefined();
  });
});
