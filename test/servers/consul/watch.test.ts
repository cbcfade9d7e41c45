import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { WatchState } from '../../../src/consul/parted-watch.js';
import { startConsul } from '../../kit/servers/consul-server.js';
import type { ConsulServer } from '../../kit/servers/consul-server.js';
import { RawConsul } from '../../kit/servers/raw-consul.js';
import { waitUntil } from '../../kit/servers/wait-until.js';
import { CountingClient, replicaOf } from './replica-fixture.js';

let server: ConsulServer;
let raw: RawConsul;
const cleanUps: (() => Promise<void> | void)[] = [];

beforeAll(async () => {
  server = await startConsul();
  raw = new RawConsul(server);
});

afterAll(() => server.dispose());

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** A watch in place, with all that it has told since. */
async function watch(prefix: string) {
  const counting = new CountingClient(server.address, { requestTimeoutMs: 3_000 });
  const states: WatchState[] = [];
  const rescans: string[] = [];
  let stirs = 0;
  const replica = replicaOf(counting.client, { prefix, onWatch: (state) => states.push(state) });
  const abort = new AbortController();
  const listener = {
    changed: () => {
      throw new Error('Consul tells no keys');
    },
    stirred: () => {
      stirs++;
    },
    saw: () => {
      stirs++;
    },
    rescan: (reason: string) => rescans.push(reason),
    lost: () => undefined,
  };
  const ended = replica.watch(listener, abort.signal);
  cleanUps.push(async () => {
    abort.abort();
    await ended;
    counting.client.close();
  });
  await waitUntil('the watch', () => rescans.length === 1);
  return { counting, states, rescans, stirs: () => stirs };
}

describe('watching a real server', () => {
  it('L3: a restored snapshot asks for a rescan at once, although the index tells nothing', async () => {
    const prefix = `${randomUUID()}/`;
    await raw.put(`${prefix}a`, '1');
    const snapshot = await server.saveSnapshot();
    await raw.put(`${prefix}b`, '1');
    const watched = await watch(prefix);
    // Long enough for the blocking query to be in place, which only the server knows.
    await raw.put(`${prefix}c`, '1');
    await waitUntil('the hint', () => watched.stirs() === 1);
    await sleep(100);

    await server.restoreSnapshot(snapshot);
    await waitUntil('the rescan', () => watched.rescans.includes('reconnect'));
    expect(await raw.list(prefix)).toHaveLength(1);

    const before = watched.stirs();
    await raw.put(`${prefix}d`, '1');
    await waitUntil('a hint after the restore', () => watched.stirs() > before);
  });

  it('L3: a server killed and started again asks for a rescan, and tells of changes as before', async () => {
    const prefix = `${randomUUID()}/`;
    await raw.put(`${prefix}a`, '1');
    const watched = await watch(prefix);
    await server.kill();
    await waitUntil('the loss', () => watched.states.some(({ kind }) => kind === 'lost'));
    await server.start();
    await waitUntil('the rescan', () => watched.rescans.includes('reconnect'), { timeoutMs: 30_000 });
    const before = watched.stirs();
    await raw.put(`${prefix}b`, '1');
    await waitUntil('a hint after the restart', () => watched.stirs() > before);
  });

  it('S8: changes of a sibling that begins like the prefix are no hints', async () => {
    const name = randomUUID();
    await raw.put(`${name}/a`, '1');
    await raw.put(`${name}-more/a`, '1');
    const watched = await watch(`${name}/`);
    const asked = watched.counting.count('watch ok');
    for (let i = 0; i < 3; i++) await raw.put(`${name}-more/b${i}`, '1');
    await waitUntil('the wake by the sibling', () => watched.counting.count('watch ok') > asked);
    await raw.delete(`${name}-more/a`);
    expect(watched.stirs()).toBe(0);
    await raw.put(`${name}/b`, '1');
    await waitUntil('the hint', () => watched.stirs() === 1);
  });

  it('S9: an empty prefix is asked for less than twice a second while others write, and tells its first key', async () => {
    const prefix = `${randomUUID()}/`;
    const watched = await watch(prefix);
    const startedMs = performance.now();
    let writes = 0;
    while (performance.now() - startedMs < 3_000 || writes < 100) {
      await raw.put(`${randomUUID()}/x`, String(writes++));
      await sleep(5);
    }
    const seconds = (performance.now() - startedMs) / 1_000;
    // The first two wakes at once, then one in 1.6 s; each takes two questions.
    expect(watched.counting.count('watch ok')).toBeLessThanOrEqual(Math.ceil(6 + 1.25 * seconds));
    expect(watched.stirs()).toBe(0);
    await raw.put(`${prefix}first`, '1');
    await waitUntil('the hint', () => watched.stirs() === 1);
  });
});
