import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ConsulReplica } from '../../../src/consul/consul-replica.js';
import { create, mustApply, present, scanAll, update } from '../../kit/replica-contract.js';
import { startConsul } from '../../kit/servers/consul-server.js';
import type { ConsulServer } from '../../kit/servers/consul-server.js';
import { RawConsul } from '../../kit/servers/raw-consul.js';
import { waitUntil } from '../../kit/servers/wait-until.js';
import { CountingClient, NEVER, replicaOf } from './replica-fixture.js';

let server: ConsulServer;
let raw: RawConsul;
let prefix: string;
let ledgerKey: string;
let policyId: string;
let counting: CountingClient;
let replica: ConsulReplica;
let denied: string[];

const KEYS = ['k0', 'k1', 'k2', 'k3', 'k4'];

beforeAll(async () => {
  server = await startConsul({ acl: true });
  raw = new RawConsul(server);
});

afterAll(() => server.dispose());

/** A mapping with five entries, a ledger, and a token that may do what `rules` say, in Consul's policy language. */
beforeEach(async () => {
  const name = randomUUID();
  prefix = `${name}/`;
  ledgerKey = `zk-consul-sync/test/${name}`;
  for (const key of KEYS) await raw.put(prefix + key, 'value');
  const token = await raw.createToken(allow('write', prefix) + allow('write', ledgerKey));
  policyId = token.policyId;
  counting = new CountingClient(server.address, { token: token.secret });
  denied = [];
  replica = replicaOf(counting.client, {
    prefix,
    ledgerKey,
    onUnread: (keys) => {
      denied = [...keys];
    },
  });
});

afterEach(() => counting.client.close());

const allow = (policy: 'read' | 'write', of: string) => `key_prefix "${of}" { policy = "${policy}" }\n`;

/** Policies are cached by the server; waits until the new one is in force. */
async function narrowTo(rules: string, inForce: () => Promise<boolean>): Promise<void> {
  await raw.updatePolicy(policyId, rules);
  await waitUntil('the narrowed policy', inForce, { timeoutMs: 20_000 });
}

const visible = async () => [...(await scanAll(replica)).keys()];

describe('a token whose policy is narrowed', () => {
  it('S4: entries that a list leaves out are denied, and never absent', async () => {
    await narrowTo(allow('read', `${prefix}k1`), async () => (await visible()).length === 1);
    const readings = await replica.read([...KEYS, 'never-was'], NEVER);
    expect(readings.get('k1')?.kind).toBe('present');
    for (const key of ['k0', 'k2', 'k3', 'k4']) {
      expect(readings.get(key)).toEqual({ kind: 'unknown', reason: 'denied' });
    }
    expect(readings.get('never-was')).toEqual({ kind: 'absent' });
    expect(await replica.proveAbsent([...KEYS, 'never-was'], NEVER)).toEqual(new Set());
  });

  it('S4: a list that has become an empty 404 proves nothing', async () => {
    await narrowTo(allow('read', 'elsewhere/'), async () => (await visible()).length === 0);
    const readings = await replica.read(KEYS, NEVER);
    for (const key of KEYS) expect(readings.get(key)).toEqual({ kind: 'unknown', reason: 'denied' });
    expect(await replica.proveAbsent(KEYS, NEVER)).toEqual(new Set());
  });

  it('S5: entries known from before are reported as denied when they can not be checked any more', async () => {
    const known = await scanAll(replica);
    const seen = async () => [...(await scanAll(replica, (key) => known.get(key)?.version)).keys()];
    expect(await seen()).toEqual(KEYS);
    expect(denied).toEqual([]);
    // The list is not filtered by a deny on a key alone while the check of that key is.
    await narrowTo(allow('write', prefix) + `key "${prefix}k2" { policy = "deny" }\n`, async () =>
      (await seen()).every((key) => key !== 'k2'),
    );
    expect(await seen()).toEqual(['k0', 'k1', 'k3', 'k4']);
    expect((await replica.read(['k2'], NEVER)).get('k2')).toEqual({ kind: 'unknown', reason: 'denied' });
  });

  it('L2: a write is rejected for the denied entry alone, and nothing of its batch is applied', async () => {
    const base = await present(replica, 'k2');
    const readOnly = allow('write', prefix) + `key "${prefix}k2" { policy = "read" }\n`;
    await narrowTo(readOnly, async () => (await replica.proveAbsent(['k2'], NEVER)).size === 0);
    await waitUntil('the narrowed policy', async () => {
      const outcome = await replica.write(
        { operations: [update('k2', 'ours', base)], ledger: undefined },
        NEVER,
      );
      return outcome.kind === 'rejected';
    });
    const operations = [create('new', '1'), update('k2', 'ours', base)];
    expect(await replica.write({ operations, ledger: undefined }, NEVER)).toMatchObject({
      kind: 'rejected',
      rejections: [{ key: 'k2', reason: 'denied' }],
    });
    expect(await raw.get(`${prefix}new`)).toBeUndefined();
    const ledger = { content: 'ledger', expected: undefined };
    expect(await replica.write({ operations: [create('new', '1')], ledger }, NEVER)).toMatchObject({
      kind: 'retriable',
      cause: { code: 'STORE_DENIED' },
    });
  });
});

describe('a token whose policy is widened', () => {
  it('L3: the first change that it may see is told, although the query that waited for it saw nothing', async () => {
    await narrowTo(allow('read', 'elsewhere/'), async () => (await visible()).length === 0);
    const hints = vi.fn<() => void>();
    const armed = vi.fn<() => void>();
    const listener = { changed: hints, stirred: hints, saw: hints, rescan: armed, lost: () => undefined };
    const abort = new AbortController();
    const ended = replica.watch(listener, abort.signal);
    await waitUntil('the watch', () => armed.mock.calls.length === 1);
    // Noise, which shows that the query waits.
    await raw.put(`elsewhere/${randomUUID()}`, 'noise');
    await sleep(300);
    expect(hints).not.toHaveBeenCalled();

    await raw.updatePolicy(policyId, allow('read', prefix));
    await raw.put(`${prefix}k1`, 'changed');
    await waitUntil('a hint', () => hints.mock.calls.length > 0);
    abort.abort();
    await ended;
  });
});

describe('a token that may only read', () => {
  it('S4: proves absence by plain reads, and only of what it may read', async () => {
    const rules = allow('read', prefix) + `key "${prefix}hidden" { policy = "deny" }\n`;
    await narrowTo(rules, async () => {
      const answer = await replica.write({ operations: [create('probe', '1')], ledger: undefined }, NEVER);
      if (answer.kind === 'applied') await raw.delete(`${prefix}probe`);
      return answer.kind === 'rejected';
    });
    const keys = ['k0', 'gone', 'hidden', 'odd//gone'];
    expect(await replica.proveAbsent(keys, NEVER)).toEqual(new Set(['gone']));
  });
});

describe('a token that is gone', () => {
  it('S5: every read fails, and a write is held back without a verdict on its entries', async () => {
    const stranger = new CountingClient(server.address, { token: randomUUID() });
    const lost = replicaOf(stranger.client, { prefix, ledgerKey });
    await expect(lost.read(KEYS, NEVER)).rejects.toMatchObject({
      code: 'STORE_AUTH_FAILED',
      retriable: false,
    });
    await expect(scanAll(lost)).rejects.toMatchObject({ code: 'STORE_AUTH_FAILED' });
    await expect(lost.proveAbsent(KEYS, NEVER)).rejects.toMatchObject({ code: 'STORE_AUTH_FAILED' });
    const outcome = await lost.write({ operations: [create('a', '1')], ledger: undefined }, NEVER);
    expect(outcome).toMatchObject({ kind: 'retriable', cause: { code: 'STORE_AUTH_FAILED' } });
    stranger.client.close();
  });

  it('S5: without any token, an anonymous list is empty and proves nothing', async () => {
    const anonymous = new CountingClient(server.address);
    const blind = replicaOf(anonymous.client, { prefix, ledgerKey });
    expect((await scanAll(blind)).size).toBe(0);
    expect(await blind.proveAbsent(KEYS, NEVER)).toEqual(new Set());
    const readings = await blind.read(KEYS, NEVER);
    for (const key of KEYS) expect(readings.get(key)).toEqual({ kind: 'unknown', reason: 'denied' });
    anonymous.client.close();
  });

  it('a ledger that is there but hidden is denied, not missing', async () => {
    mustApply(await replica.write({ operations: [], ledger: { content: 'l', expected: undefined } }, NEVER));
    const anonymous = new CountingClient(server.address);
    const blind = replicaOf(anonymous.client, { prefix, ledgerKey });
    await expect(blind.readLedger(NEVER)).rejects.toMatchObject({ code: 'STORE_DENIED' });
    anonymous.client.close();
  });
});
