import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { EntryKey } from '../../../src/core/observation.js';
import type { PartView } from '../../../src/ports/replica.js';
import { speaksOf } from '../../kit/hinted.js';
import { ScriptedHttpPeer } from '../../kit/scripted-http-peer.js';
import type { ScriptedAnswer } from '../../kit/scripted-http-peer.js';
import { scanAll } from '../../kit/replica-contract.js';
import { SeededRandom } from '../../kit/memory-store/seeded-random.js';
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

const oneDigit = (key: string): string => key.replace(/0(\d)$/, '$1');

const numbered = (name: string, count: number): string[] =>
  Array.from({ length: count }, (_, number) => `${name}${String(number).padStart(2, '0')}`);

async function putAll(prefix: string, keys: readonly EntryKey[], into = raw): Promise<void> {
  for (let from = 0; from < keys.length; from += 64) {
    const operations = keys
      .slice(from, from + 64)
      .map((key) => ({ verb: 'set', key: prefix + key, value: '1' }));
    expect((await into.transaction(operations)).status).toBe(200);
  }
}

/** Stands before Consul, and answers what `script` wants to answer by itself. */
async function standIn(script: (path: string) => ScriptedAnswer | undefined): Promise<string> {
  const peer = await ScriptedHttpPeer.start(async ({ method, path, query, body }) => {
    const own = script(path);
    if (own !== undefined) return own;
    const isRead = method === 'GET';
    const asked = fetch(`${server.address}${path}?${query.toString()}`, { method, ...(!isRead && { body }) });
    const answer = await asked.catch(() => undefined);
    if (answer === undefined) return 'hang-up';
    // What was refused while it was waiting is not answered either.
    const late = script(path);
    if (late !== undefined) return late;
    const index = answer.headers.get('x-consul-index');
    const headers = index === null ? {} : { 'x-consul-index': index };
    return { status: answer.status, headers, body: await answer.text() };
  });
  cleanUps.push(() => peer.dispose());
  return peer.address.origin;
}

const refusing = (isRefused: (path: string) => boolean): Promise<string> =>
  standIn((path) => (isRefused(path) ? { status: 400, body: 'no such characters' } : undefined));

/** A watch in place, whose mapping was walked as the loop does it. */
async function watched(prefix: string, { watchesMax = 16, partKeysMin = 8, address = server.address } = {}) {
  const counting = new CountingClient(address, { requestTimeoutMs: 3_000 });
  const replica = replicaOf(counting.client, { prefix, watchesMax, partKeysMin });
  const abort = new AbortController();
  const told: string[] = [];
  const keys = new Set<EntryKey>();
  const views: PartView[] = [];
  let rescans = 0;
  let walks: Promise<unknown> = Promise.resolve();
  const walk = (): void => {
    walks = walks.then(() => scanAll(replica)).catch(() => undefined);
  };
  const ended = replica.watch(
    {
      changed: (some) => some.forEach((key) => keys.add(key)),
      stirred: (within = '') => {
        told.push(within);
        if (within === '') walk();
      },
      saw: (view) => views.push(view),
      rescan: () => {
        rescans++;
        told.push('');
        walk();
      },
      lost: () => undefined,
    },
    abort.signal,
  );
  cleanUps.push(async () => {
    abort.abort();
    await ended;
    counting.client.close();
  });
  await waitUntil('the watch', () => rescans === 1);
  await walks;
  // Until the parts are asked for, which only the server knows.
  await sleep(300);
  const forget = (): void => {
    told.length = 0;
    views.length = 0;
    keys.clear();
  };
  forget();
  return {
    counting,
    told,
    views,
    forget,
    rescans: () => rescans,
    tells: (key: EntryKey) =>
      keys.has(key) || told.some((part) => key.startsWith(part)) || views.some((view) => speaksOf(view, key)),
  };
}

describe('a prefix that is watched in parts', () => {
  it('tells of a lone change by the part that it is in, and of nothing else', async () => {
    const prefix = `${randomUUID()}/`;
    await putAll(prefix, numbered('flat-', 100));
    const watch = await watched(prefix, { partKeysMin: 12 });
    for (const key of ['flat-07', 'flat-70', 'flat-99']) {
      watch.forget();
      await raw.put(prefix + key, 'changed');
      await waitUntil('the hint', () => watch.tells(key));
      await sleep(400);
      expect(watch.told).toEqual([]);
      expect([...new Set(watch.views.map(({ within }) => within))]).toEqual([key.slice(0, -1)]);
      const [view] = watch.views;
      expect(view?.entries.map((entry) => entry.key)).toEqual(numbered(key.slice(0, -1), 10).map(oneDigit));
      expect(view?.entries.every(({ version }) => version !== undefined)).toBe(true);
    }
  });

  it('looks through a part with many keys for those that may have changed', async () => {
    const prefix = `${randomUUID()}/`;
    await putAll(prefix, [...numbered('a/many-', 100), ...numbered('b/many-', 60)]);
    const watch = await watched(prefix, { watchesMax: 3, partKeysMin: 12 });
    await raw.put(`${prefix}a/many-42`, 'changed');
    await waitUntil('the hint', () => watch.tells('a/many-42'));
    expect(watch.told).toEqual([]);
    expect(watch.views.map(({ within }) => within)).toEqual(['a']);
    expect(watch.tells('a/many-52')).toBe(false);
    // Of a name that nothing there begins like, it says that it is not there.
    expect(watch.tells('a/other')).toBe(true);
    watch.forget();
    await raw.delete(`${prefix}b/many-42`);
    await waitUntil('the hint', () => watch.tells('b/many-42'));
    expect(watch.tells('b/many-52')).toBe(false);
    const seen = watch.views.flatMap(({ entries }) => entries.map(({ key }) => key));
    expect(seen).not.toContain('b/many-42');
    expect(seen).toContain('b/many-41');
  });

  it('asks what is in a part that Consul refuses to list, key by key', async () => {
    const prefix = `${randomUUID()}/`;
    await putAll(prefix, [...numbered('a', 40), ...numbered('b', 40)]);
    const address = await refusing((path) => path.startsWith(`/v1/kv/${prefix}b`));
    const watch = await watched(prefix, { partKeysMin: 12, address });
    for (const key of ['a07', 'b07']) {
      watch.forget();
      await raw.put(prefix + key, 'changed');
      await waitUntil(`a hint of ${key}`, () => watch.tells(key));
    }
    expect(watch.rescans()).toBe(1);
  });

  it('tells of a change in a part that is asked in vain (L3)', async () => {
    const prefix = `${randomUUID()}/`;
    await putAll(prefix, [...numbered('a', 40), ...numbered('b', 40)]);
    let isSilent = false;
    const address = await standIn((path) =>
      isSilent && path === `/v1/kv/${prefix}b` ? 'silence' : undefined,
    );
    const watch = await watched(prefix, { watchesMax: 3, partKeysMin: 12, address });
    await raw.put(`${prefix}b00`, 'changed');
    await waitUntil('the hint', () => watch.tells('b00'));
    await sleep(300);
    // The query that is waiting now never ends, as if the connection had died unnoticed.
    isSilent = true;
    await raw.put(`${prefix}b01`, 'changed');
    await sleep(300);
    isSilent = false;
    watch.forget();
    await raw.put(`${prefix}b02`, 'changed');
    await waitUntil('the hint', () => watch.tells('b02'), { timeoutMs: 20_000 });
  });

  it('walks only the part again whose connection was cut (L3)', async () => {
    const prefix = `${randomUUID()}/`;
    await putAll(prefix, [...numbered('a', 40), ...numbered('b', 40)]);
    let cuts = 0;
    const address = await standIn((path) =>
      cuts > 0 && path === `/v1/kv/${prefix}b` && cuts-- > 0 ? 'hang-up' : undefined,
    );
    const watch = await watched(prefix, { watchesMax: 3, partKeysMin: 12, address });
    // The query that waits is answered by a cut, and so is the one after it.
    cuts = 2;
    await raw.put(`${prefix}b01`, 'changed');
    await waitUntil('the hint', () => watch.tells('b01'));
    expect(cuts).toBe(0);
    expect(watch.told.every((part) => part === 'b')).toBe(true);
    for (const key of ['a07', 'b07']) {
      watch.forget();
      await raw.put(prefix + key, 'changed');
      await waitUntil(`a hint of ${key}`, () => watch.tells(key));
      await sleep(400);
      expect(watch.told).toEqual([]);
    }
    expect(watch.rescans()).toBe(1);
  });

  it('tells that all keys of a group are gone, behind which something else has changed (L3)', async () => {
    const prefix = `${randomUUID()}/`;
    await putAll(prefix, [...numbered('a/many-', 60), ...numbered('b/many-', 60)]);
    const watch = await watched(prefix, { watchesMax: 3, partKeysMin: 12 });
    const gone = numbered('a/many-', 10);
    const deletions = gone.map((key) => ({ verb: 'delete', key: prefix + key }));
    expect((await raw.transaction(deletions)).status).toBe(200);
    await raw.put(`${prefix}a/many-55`, 'changed');
    for (const key of [...gone, 'a/many-55']) await waitUntil(`a hint of ${key}`, () => watch.tells(key));
  });

  it('tells that a folder was deleted recursively, in which a key had been deleted before (L3)', async () => {
    const prefix = `${randomUUID()}/`;
    await putAll(prefix, [...numbered('app/a', 40), ...numbered('app/b', 40), ...numbered('other/c', 20)]);
    const watch = await watched(prefix, { watchesMax: 4, partKeysMin: 12 });
    await raw.delete(`${prefix}app/a05`);
    await waitUntil('a hint of the key', () => watch.tells('app/a05'));
    await sleep(400);
    watch.forget();
    // Leaves one tombstone, at the folder: in the part below it, nothing shows that anything has happened.
    const deleted = await fetch(`${server.address}/v1/kv/${prefix}app/?recurse`, { method: 'DELETE' });
    expect(deleted.status).toBe(200);
    for (const key of ['app/a07', 'app/b07'])
      await waitUntil(`a hint of ${key}`, () => watch.tells(key), { timeoutMs: 20_000 });
  });

  it('tells of what comes up beside all parts, and goes there (L3)', async () => {
    const prefix = `${randomUUID()}/`;
    await putAll(prefix, numbered('flat-', 100));
    const watch = await watched(prefix);
    for (const key of ['beside', 'flat-', 'a//b', '']) {
      for (const change of [
        () => raw.put(prefix + key, '1'),
        () => raw.put(prefix + key, '2'),
        () => raw.delete(prefix + key),
      ]) {
        watch.forget();
        await change();
        await waitUntil(`a hint of ${key}`, () => watch.tells(key));
      }
    }
  });

  it('tells of what comes up beside all parts while these change all the time (L3)', async () => {
    const prefix = `${randomUUID()}/`;
    await putAll(prefix, numbered('flat-', 100));
    const watch = await watched(prefix);
    const over = new AbortController();
    const writing = (async () => {
      for (let number = 0; !over.signal.aborted; number++) {
        await raw.put(`${prefix}flat-${String(number % 100).padStart(2, '0')}`, String(number));
      }
    })();
    await sleep(500);
    await raw.put(`${prefix}hidden`, '1');
    await waitUntil('a hint of it', () => watch.tells('hidden'), { timeoutMs: 10_000 });
    over.abort();
    await writing;
  });

  it('tells of whatever changes anywhere, whenever (L3)', async () => {
    const random = new SeededRandom(20261127);
    const prefix = `${randomUUID()}/`;
    const inFolders = numbered('tree/', 5).flatMap((folder) => [folder, ...numbered(`${folder}/leaf-`, 12)]);
    const there = new Set([...numbered('flat-', 100), ...inFolders, ...numbered('tree/03/deeper/', 20)]);
    const names = [
      ...there,
      'tree/',
      'tree/new/leaf',
      'a',
      'a/b',
      'a/b/c',
      'a//c',
      'b.',
      './x',
      'z',
      '\u{1f600}',
      'ü',
    ];
    await putAll(prefix, [...there]);
    const watch = await watched(prefix, { watchesMax: 12, partKeysMin: 5 });
    for (let round = 0; round < 8; round++) {
      watch.forget();
      const some = Array.from({ length: 1 + random.below(30) }, () => random.pick(names));
      for (const key of some) {
        if (there.has(key) && random.below(3) === 0) {
          await raw.delete(prefix + key);
          there.delete(key);
        } else {
          await raw.put(prefix + key, String(random.next()));
          there.add(key);
        }
        if (random.below(4) === 0) await sleep(random.below(60));
      }
      for (const key of some)
        await waitUntil(`a hint of ${key}`, () => watch.tells(key), { timeoutMs: 20_000 });
    }
  });

  it('leaves its parts alone where the agent has too few connections for them (S9)', async () => {
    const limited = await startConsul({ config: { limits: { http_max_conns_per_client: 12 } } });
    cleanUps.push(() => limited.dispose());
    const prefix = `${randomUUID()}/`;
    await putAll(
      prefix,
      'abcdefghijkl'.split('').flatMap((letter) => numbered(letter, 20)),
      new RawConsul(limited),
    );
    const watch = await watched(prefix, { partKeysMin: 12, address: limited.address });
    await sleep(8_000);
    // Nothing was written. Each part is given up after three failures, and all of them with the first.
    expect(watch.told.length).toBeLessThan(30);
  });

  it('tells of changes again after the server was killed, and after a snapshot was restored (L3)', async () => {
    const prefix = `${randomUUID()}/`;
    await putAll(prefix, numbered('flat-', 100));
    const watch = await watched(prefix);
    const snapshot = await server.saveSnapshot();
    await server.kill();
    await server.start();
    await waitUntil('the rescan', () => watch.rescans() >= 2, { timeoutMs: 20_000 });
    watch.forget();
    await raw.put(`${prefix}flat-33`, 'changed');
    await waitUntil('the hint', () => watch.tells('flat-33'));

    const before = watch.rescans();
    await server.restoreSnapshot(snapshot);
    await waitUntil('the rescan', () => watch.rescans() > before);
    watch.forget();
    await raw.put(`${prefix}flat-44`, 'changed');
    await waitUntil('the hint', () => watch.tells('flat-44'));
  });
});
