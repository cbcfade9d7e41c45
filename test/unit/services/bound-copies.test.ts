import { describe, expect, it } from 'vitest';
import type { Binding, Bound } from '../../../src/ports/binding.js';
import { curatorFormat } from '../../../src/services/formats/curator.js';
import { RegistrationsReplica } from '../../../src/services/registrations-replica.js';
import { encodeRecord } from '../../../src/services/service-record.js';
import { ServiceTranslation } from '../../../src/services/service-translation.js';
import { contentDigest } from '../../kit/memory-store/content-digest.js';
import { Link } from '../../kit/memory-store/link.js';
import { MemoryTree } from '../../kit/memory-store/memory-tree.js';
import { MemoryTreeReplica } from '../../kit/memory-store/memory-tree-replica.js';
import { SeededRandom } from '../../kit/memory-store/seeded-random.js';
import { SimClock } from '../../kit/memory-store/sim-clock.js';
import { TreeClient } from '../../kit/memory-store/tree-client.js';
import { mustApply, present, scanAll, write } from '../../kit/replica-contract.js';

const NEVER = new AbortController().signal;
const COPY = 'web/zk-consul-sync:test:node:web-1';
const ORIGINAL = 'web/1';
const RECORD = encodeRecord({
  address: '10.0.0.1',
  port: 80,
  tags: [],
  meta: {},
  weight: undefined,
  carried: {},
});

/** A session that is said to be held. */
class SaidBinding implements Binding {
  bound: Bound | undefined = { session: 'ours', since: 5n };
  isTended = true;
  isAlive = true;
  private readonly listeners = new Set<() => void>();

  tend(tends: boolean): void {
    this.isTended = tends;
  }

  confirm(): Promise<Bound | undefined> {
    return Promise.resolve(this.isAlive ? this.bound : undefined);
  }

  onBound(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  tell(): void {
    for (const listener of this.listeners) listener();
  }
}

const translation = new ServiceTranslation({
  ...{ bridge: 'test', list: 'apps', format: curatorFormat({ springPayload: false }), node: 'copies' },
  ...{ tags: [], namePrefix: '', rename: new Map(), include: ['**'], exclude: [], dnsNames: true },
});

function subject(binding: SaidBinding | undefined) {
  const clock = new SimClock();
  const tree = new MemoryTree(clock);
  const link = new Link({ storeName: 'store', clock, random: new SeededRandom(1) });
  const session = (): string | undefined => binding?.bound?.session;
  const place = { root: '/services', ledgerPlace: 'test/apps' };
  const nodes = new MemoryTreeReplica({ tree, link, ...place, digest: contentDigest, session });
  const replica = new RegistrationsReplica({ nodes, translation, digest: contentDigest, binding });
  const client = new TreeClient(tree, '/services');
  const owner = () => tree.node(`/services/${COPY}`)?.ephemeralOwner;
  const data = translation.nodeOf(COPY, RECORD);
  return { replica, client, tree, owner, data };
}

/** As of a list whose copies are to stay by now; `denied` may not be read. */
function formerSubject(denied: ReadonlySet<string>) {
  const clock = new SimClock();
  const tree = new MemoryTree(clock);
  const link = new Link({ storeName: 'store', clock, random: new SeededRandom(1) });
  link.faults = { denies: (access, path) => access === 'read' && denied.has(path) };
  const place = { root: '/services', ledgerPlace: 'test/apps' };
  let denials = 0;
  const onDenied = (): void => {
    denials++;
  };
  const nodes = new MemoryTreeReplica({ tree, link, ...place, digest: contentDigest, onDenied });
  const ended: string[] = [];
  const former = { tend: () => undefined, end: () => void ended.push('ended') };
  const options = { nodes, translation, digest: contentDigest, former, denials: () => denials };
  return { replica: new RegistrationsReplica(options), client: new TreeClient(tree, '/services'), ended };
}

const create = { kind: 'create', key: COPY, value: RECORD } as const;

describe('copies that are bound to a session', () => {
  it('are made so, and are as they should be', async () => {
    const { replica, owner } = subject(new SaidBinding());
    mustApply(await write(replica, [create]));
    expect(owner()).toBe('ours');
    expect(await present(replica, COPY)).toMatchObject({ session: undefined, isMisbound: false });
    expect((await scanAll(replica)).get(COPY)).toMatchObject({ isMisbound: false });
  });

  it.each([
    ['to another session', 'theirs'],
    ['to none', undefined],
  ])(
    'are misbound when they are bound %s, and an update makes them anew in one write',
    async (_to, other) => {
      const { replica, client, tree, owner, data } = subject(new SaidBinding());
      if (other === undefined) client.put(COPY, data);
      else client.putEphemeral(COPY, data, other);
      expect((await scanAll(replica)).get(COPY)).toMatchObject({ isMisbound: true });
      const base = await present(replica, COPY);
      expect(base).toMatchObject({ isMisbound: true });
      const before = tree.zxid;
      mustApply(await write(replica, [{ kind: 'update', key: COPY, value: RECORD, base }]));
      expect(tree.zxid).toBe(before + 1n);
      expect(owner()).toBe('ours');
      expect(await present(replica, COPY)).toMatchObject({ isMisbound: false });
    },
  );

  it('are misbound where they should stay, and go with a session', async () => {
    const { replica, client, owner, data } = subject(undefined);
    client.putEphemeral(COPY, data, 'theirs');
    const base = await present(replica, COPY);
    expect(base).toMatchObject({ isMisbound: true });
    mustApply(await write(replica, [{ kind: 'update', key: COPY, value: RECORD, base }]));
    expect(owner()).toBeUndefined();
    expect(await present(replica, COPY)).toMatchObject({ isMisbound: false });
  });

  it('are as they are where somebody has put a child below them, or the session is not held', async () => {
    const binding = new SaidBinding();
    const { replica, client, data } = subject(binding);
    client.put(COPY, data);
    client.put(`${COPY}/child`, data);
    expect(await present(replica, COPY)).toMatchObject({ isMisbound: false });
    client.remove(`${COPY}/child`);
    expect(await present(replica, COPY)).toMatchObject({ isMisbound: true });
    binding.bound = undefined;
    expect(await present(replica, COPY)).toMatchObject({ isMisbound: false });
  });

  it('are no matter of originals', async () => {
    const { replica, client, data } = subject(new SaidBinding());
    client.putEphemeral(ORIGINAL, data, 'theirs');
    expect(await present(replica, ORIGINAL)).not.toHaveProperty('isMisbound', true);
    expect((await scanAll(replica)).get(ORIGINAL)).toMatchObject({ isMisbound: false });
  });

  it('S5: that are missing may have gone with an earlier session, and are unknown while that can not be said', async () => {
    const binding = new SaidBinding();
    const { replica } = subject(binding);
    const read = async () => (await replica.read([COPY, ORIGINAL], NEVER)).get(COPY);
    expect(await read()).toEqual({ kind: 'absent', lapsedUpTo: 5n });
    binding.isAlive = false;
    expect(await read()).toEqual({ kind: 'unknown', reason: 'not-read' });
    expect((await replica.read([ORIGINAL], NEVER)).get(ORIGINAL)).toEqual({ kind: 'absent' });
    binding.isTended = false;
    expect(await read()).toEqual({ kind: 'absent' });
  });

  it('are looked at again when another session is held', async () => {
    const binding = new SaidBinding();
    const { replica } = subject(binding);
    const heard: string[] = [];
    const ending = new AbortController();
    const listener = {
      ...{ changed: () => undefined, saw: () => undefined, rescan: () => undefined, lost: () => undefined },
      stirred: () => heard.push('stirred'),
    };
    const watched = replica.watch(listener, ending.signal);
    binding.tell();
    expect(heard).toEqual(['stirred']);
    ending.abort();
    await watched;
    binding.tell();
    expect(heard).toEqual(['stirred']);
  });

  it('hand on whether this process looks after them', () => {
    const binding = new SaidBinding();
    const { replica } = subject(binding);
    replica.tend(false);
    expect(binding.isTended).toBe(false);
  });
});

describe('the session that copies were bound to before they were to stay', () => {
  const data = translation.nodeOf(COPY, RECORD);

  it('ends when a walk over all finds none that is bound, and not before', async () => {
    const { replica, client, ended } = formerSubject(new Set());
    client.putEphemeral(COPY, data, 'theirs');
    await scanAll(replica);
    expect(ended).toEqual([]);
    client.remove(COPY);
    client.put(COPY, data);
    for await (const page of replica.scan(() => undefined, NEVER, 'web/')) expect(page).not.toEqual([]);
    expect(ended).toEqual([]);
    await scanAll(replica);
    expect(ended).toEqual(['ended']);
  });

  it('S5: is kept while something may not be looked at, which may be bound to it', async () => {
    const denied = new Set([`/services/${COPY}`]);
    const { replica, client, ended } = formerSubject(denied);
    client.putEphemeral(COPY, data, 'theirs');
    client.put(ORIGINAL, data);
    await scanAll(replica);
    expect(ended).toEqual([]);
    denied.clear();
    client.remove(COPY);
    await scanAll(replica);
    expect(ended).toEqual(['ended']);
  });
});
