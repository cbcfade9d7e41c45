import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DaemonProcess } from '../../kit/daemon/daemon-process.js';
import { Staging } from '../../kit/daemon/staging.js';
import { RawZooKeeper } from '../../kit/servers/raw-zookeeper.js';
import { waitUntil } from '../../kit/servers/wait-until.js';

interface ConflictAnswer {
  readonly id: number;
  readonly key: string;
  readonly kind: string;
  readonly winner: string | null;
  readonly rule: string;
}

/** How often a client's write to a copy is put back in a row. */
const REWRITES_MAX = 8;
const SHORT_SESSION_MS = 2_000;

let staging: Staging;
let daemon: DaemonProcess;

async function start(mapping: Record<string, unknown> = {}): Promise<void> {
  staging = await Staging.start();
  await staging.zookeeper.create('/config/ordinary', 'stays');
  daemon = await staging.startDaemon({ mappings: [mapping] });
  await daemon.inSync();
}

async function conflictsOf(key: string): Promise<readonly ConflictAnswer[]> {
  const { conflicts } = await daemon.get<{ conflicts: ConflictAnswer[] }>('conflicts?limit=100');
  return conflicts.filter((conflict) => conflict.key === key);
}

/** Both values of the newest conflict of `key`. */
async function journaledValues(key: string): Promise<{ zookeeper: unknown; consul: unknown }> {
  const [newest] = await conflictsOf(key);
  interface Side {
    readonly value: { readonly utf8: string } | null;
  }
  const { zookeeper, consul } = await daemon.get<{ zookeeper: Side; consul: Side }>(
    `conflicts/${newest?.id ?? 0}`,
  );
  return { zookeeper: zookeeper.value?.utf8, consul: consul.value?.utf8 };
}

async function createSession(behavior: 'release' | 'delete'): Promise<string> {
  const body = JSON.stringify({ Behavior: behavior, LockDelay: '0s', NodeChecks: [] });
  const { status, text } = await staging.consul.request('PUT', '/v1/session/create', body);
  if (status !== 200) throw new Error(`create a session: ${status} ${text}`);
  return (JSON.parse(text) as { ID: string }).ID;
}

async function destroySession(id: string): Promise<void> {
  const { status, text } = await staging.consul.request('PUT', `/v1/session/destroy/${id}`);
  if (status !== 200) throw new Error(`destroy session ${id}: ${status} ${text}`);
}

/** As a lock's holder does: acquires the key, or writes to it again while it is held. */
async function writeLocked(key: string, value: string, session: string): Promise<void> {
  const { status, errors } = await staging.consul.transaction([{ verb: 'lock', key, value, session }]);
  if (status !== 200) throw new Error(`lock ${key}: ${status} ${JSON.stringify(errors)}`);
}

async function release(key: string, value: string, session: string): Promise<void> {
  const { status, errors } = await staging.consul.transaction([{ verb: 'unlock', key, value, session }]);
  if (status !== 200) throw new Error(`unlock ${key}: ${status} ${JSON.stringify(errors)}`);
}

describe('ephemeral znodes', () => {
  let owner: RawZooKeeper;

  beforeAll(() => start());
  afterAll(() => staging.dispose());
  beforeEach(async () => {
    owner = await RawZooKeeper.connect(staging.zookeeperServer, { sessionTimeoutMs: SHORT_SESSION_MS });
  });
  afterEach(() => owner.close());

  const ephemeral = (name: string, data: string): Promise<string> =>
    owner.create(`/config/${name}`, data, { mode: 'ephemeral' });

  it('are mirrored to Consul, follow their changes, and go with their session when it is closed', async () => {
    await ephemeral('holder', 'one');
    await staging.consulHolds('config/holder', 'one');
    await owner.set('/config/holder', 'two');
    await staging.consulHolds('config/holder', 'two');
    await owner.close();
    await staging.consulHolds('config/holder', undefined);
    expect(await daemon.inSync()).toMatchObject({ skippedTotal: 0, holds: [], conflicts: { total: 0 } });
  });

  it('go from Consul when their session has timed out, many at once, and are no mass deletion', async () => {
    const names = Array.from({ length: 40 }, (_, number) => `crashed-${number}`);
    for (const name of names) await ephemeral(name, 'alive');
    await staging.consulHolds('config/crashed-39', 'alive');
    await daemon.inSync();
    owner.abandon();
    for (const name of names) await staging.consulHolds(`config/${name}`, undefined, 30_000);
    expect(await daemon.inSync()).toMatchObject({ state: 'live', holds: [] });
    await staging.zookeeperHolds('/config/ordinary', 'stays');
  });

  it('are put back in Consul where a client wrote to the copy or deleted it, and its value is journaled (S1)', async () => {
    await ephemeral('fought-for', 'by its owner');
    await staging.consulHolds('config/fought-for', 'by its owner');
    const before = (await owner.get('/config/fought-for'))?.stat.mzxid;

    await staging.consul.put('config/fought-for', 'by somebody');
    await staging.consulHolds('config/fought-for', 'by its owner');
    expect(await conflictsOf('fought-for')).toMatchObject([
      { kind: 'copy-modified', winner: 'zookeeper', rule: 'session-owner' },
    ]);
    expect(await journaledValues('fought-for')).toEqual({
      zookeeper: 'by its owner',
      consul: 'by somebody',
    });

    await staging.consul.delete('config/fought-for');
    await staging.consulHolds('config/fought-for', 'by its owner');
    expect((await owner.get('/config/fought-for'))?.stat.mzxid).toBe(before);
  });

  it(`are put back ${REWRITES_MAX} times in a row, then held copy-modified, until an operator says so (L2)`, async () => {
    await ephemeral('stubborn', 'by its owner');
    for (let round = 0; round < REWRITES_MAX; round++) {
      await staging.consulHolds('config/stubborn', 'by its owner');
      await daemon.inSync();
      await staging.consul.put('config/stubborn', `by somebody ${round}`);
    }
    await staging.consulHolds('config/stubborn', 'by its owner');
    await daemon.inSync();
    await staging.consul.put('config/stubborn', 'once too often');
    const { holds, state } = await daemon.held('copy-modified');
    expect(holds).toMatchObject([{ key: 'stubborn' }]);
    expect(state).toBe('live');
    expect((await staging.consul.get('config/stubborn'))?.value.toString()).toBe('once too often');
    await staging.zookeeper.set('/config/ordinary', 'goes on');
    await staging.consulHolds('config/ordinary', 'goes on');

    await daemon.post('release', { key: 'stubborn', keep: 'zookeeper' });
    await staging.consulHolds('config/stubborn', 'by its owner');
    await staging.zookeeper.set('/config/ordinary', 'stays');
    await staging.consulHolds('config/ordinary', 'stays');
    expect(await daemon.inSync()).toMatchObject({ holds: [] });
  });

  it('can have no children from Consul: these are listed, and made when the ephemeral one goes (L2)', async () => {
    await ephemeral('leaf', 'no parent');
    await staging.consulHolds('config/leaf', 'no parent');
    await staging.consul.put('config/leaf/child', 'wants in');
    await waitUntil('the child to be listed', async () => {
      const { skipped } = await daemon.mapping();
      return skipped.some(({ key, reason }) => key === 'leaf/child' && reason === 'ephemeral-parent');
    });
    await owner.close();
    await staging.zookeeperHolds('/config/leaf/child', 'wants in', 60_000);
    await staging.consulHolds('config/leaf', undefined);
    expect(await daemon.inSync()).toMatchObject({ skippedTotal: 0 });
  });

  it('that an ordinary znode replaces leave an ordinary entry, in both directions', async () => {
    await ephemeral('turns-ordinary', 'of a session');
    await staging.consulHolds('config/turns-ordinary', 'of a session');
    await owner.close();
    await staging.zookeeper.create('/config/turns-ordinary', 'of nobody');
    await staging.consulHolds('config/turns-ordinary', 'of nobody');
    await staging.consul.put('config/turns-ordinary', 'from consul');
    await staging.zookeeperHolds('/config/turns-ordinary', 'from consul');
  });
});

describe('Consul keys that a session holds', () => {
  beforeAll(() => start());
  afterAll(() => staging.dispose());

  it('are mirrored to ZooKeeper, follow their holder, and are ordinary entries once released', async () => {
    const session = await createSession('release');
    await writeLocked('config/leader', 'node-1', session);
    await staging.zookeeperHolds('/config/leader', 'node-1');
    await writeLocked('config/leader', 'node-1 again', session);
    await staging.zookeeperHolds('/config/leader', 'node-1 again');
    await release('config/leader', 'node-1 is done', session);
    await staging.zookeeperHolds('/config/leader', 'node-1 is done');
    await daemon.inSync();

    await staging.zookeeper.set('/config/leader', 'from zookeeper');
    await staging.consulHolds('config/leader', 'from zookeeper');
    await staging.consul.put('config/leader', 'from consul');
    await staging.zookeeperHolds('/config/leader', 'from consul');
    expect(await conflictsOf('leader')).toEqual([]);
    await destroySession(session);
  });

  it('go from ZooKeeper when their session ends and takes them along', async () => {
    const session = await createSession('delete');
    await writeLocked('config/presence', 'here', session);
    await staging.zookeeperHolds('/config/presence', 'here');
    await destroySession(session);
    await staging.zookeeperHolds('/config/presence', undefined);
    await daemon.inSync();
  });

  it('stay in ZooKeeper when their session ends and leaves them, as ordinary entries', async () => {
    const session = await createSession('release');
    await writeLocked('config/left-behind', 'value', session);
    await staging.zookeeperHolds('/config/left-behind', 'value');
    await destroySession(session);
    await daemon.inSync();
    await staging.zookeeper.set('/config/left-behind', 'from zookeeper');
    await staging.consulHolds('config/left-behind', 'from zookeeper');
    await staging.zookeeper.remove('/config/left-behind');
    await staging.consulHolds('config/left-behind', undefined);
  });

  it('are put back in ZooKeeper where a client wrote to the copy or deleted it, and never written themselves (S1)', async () => {
    const session = await createSession('release');
    await writeLocked('config/held', 'by its holder', session);
    await staging.zookeeperHolds('/config/held', 'by its holder');
    const before = await staging.consul.get('config/held');

    await staging.zookeeper.set('/config/held', 'by somebody');
    await staging.zookeeperHolds('/config/held', 'by its holder');
    expect(await conflictsOf('held')).toMatchObject([{ kind: 'copy-modified', winner: 'consul' }]);
    expect(await journaledValues('held')).toEqual({ zookeeper: 'by somebody', consul: 'by its holder' });
    await staging.zookeeper.remove('/config/held');
    await staging.zookeeperHolds('/config/held', 'by its holder');
    expect(await staging.consul.get('config/held')).toEqual(before);
    await destroySession(session);
  });

  it('may be ordinary entries before: a lock acquired on one and released again changes nothing else', async () => {
    await staging.zookeeper.create('/config/becomes-lock', 'free');
    await staging.consulHolds('config/becomes-lock', 'free');
    const session = await createSession('release');
    await writeLocked('config/becomes-lock', 'taken', session);
    await staging.zookeeperHolds('/config/becomes-lock', 'taken');
    await release('config/becomes-lock', 'taken', session);
    // Until the daemon has seen the release, a write to the other side would meet it, and be a conflict.
    await waitUntil('the release to be seen', async () => {
      const { archive } = await daemon.get<{ archive: object }>('explain?key=becomes-lock');
      return !('sessionBoundIn' in archive);
    });
    await staging.zookeeper.set('/config/becomes-lock', 'free again');
    await staging.consulHolds('config/becomes-lock', 'free again');
    expect(await conflictsOf('becomes-lock')).toEqual([]);
    await destroySession(session);
  });
});

describe('with sessionBound: skip', () => {
  beforeAll(() => start({ sessionBound: 'skip' }));
  afterAll(() => staging.dispose());

  it('what a session owns is left out on either side, and listed, until it is an ordinary entry', async () => {
    const owner = await RawZooKeeper.connect(staging.zookeeperServer);
    const session = await createSession('release');
    await owner.create('/config/ephemeral', 'of a session', { mode: 'ephemeral' });
    await writeLocked('config/locked', 'of a session', session);
    await waitUntil('both to be listed', async () => (await daemon.mapping()).skippedTotal === 2);
    expect((await daemon.inSync()).skipped).toEqual([
      { key: 'ephemeral', reason: 'session-bound' },
      { key: 'locked', reason: 'session-bound' },
    ]);
    await staging.consul.put('config/after', 'goes on');
    await staging.zookeeperHolds('/config/after', 'goes on');
    expect(await staging.consul.get('config/ephemeral')).toBeUndefined();
    expect(await staging.zookeeper.get('/config/locked')).toBeUndefined();

    await owner.close();
    await destroySession(session);
    await staging.zookeeperHolds('/config/locked', 'of a session');
    await waitUntil('none to be listed', async () => (await daemon.mapping()).skippedTotal === 0);
    await daemon.inSync();
  });

  it('a lock on an entry that both sides have leaves the other side as it was', async () => {
    await staging.zookeeper.create('/config/shared', 'agreed');
    await staging.consulHolds('config/shared', 'agreed');
    const session = await createSession('delete');
    await writeLocked('config/shared', 'taken', session);
    await waitUntil('it to be listed', async () => (await daemon.mapping()).skippedTotal === 1);
    await staging.zookeeperHolds('/config/shared', 'agreed', 100);
    await release('config/shared', 'given back', session);
    await staging.zookeeperHolds('/config/shared', 'given back');
    await destroySession(session);
  });
});
