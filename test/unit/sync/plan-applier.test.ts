import { describe, expect, it } from 'vitest';
import type { Archive } from '../../../src/ports/archive.js';
import type { Logger } from '../../../src/ports/logger.js';
import type { MappingContext } from '../../../src/sync/context.js';
import type { DecidedOn } from '../../../src/sync/decided-on.js';
import { decidedOn } from '../../../src/sync/decided-on.js';
import { Examiner } from '../../../src/sync/examine.js';
import { MappingMemory } from '../../../src/sync/mapping-memory.js';
import type { Refusal } from '../../../src/sync/plan-applier.js';
import { PlanApplier } from '../../../src/sync/plan-applier.js';
import { planMapping } from '../../../src/sync/plan.js';
import { contentDigest } from '../../kit/memory-store/content-digest.js';
import { Link } from '../../kit/memory-store/link.js';
import { MemoryFlatReplica } from '../../kit/memory-store/memory-flat-replica.js';
import { MemoryTreeReplica } from '../../kit/memory-store/memory-tree-replica.js';
import { daemonContext, LEDGER_PLACE, PLACES, PREFIX, ROOT } from '../../kit/simulation/daemon-context.js';
import { bytes, SimulatedWorld } from '../../kit/simulation/simulated-world.js';

const NEVER = new AbortController().signal;

/** A mapping that was in step, without its daemon. */
class Stage {
  readonly world: SimulatedWorld;
  link: Link;
  private archive: Archive | undefined;
  /** How much the tree answers at a time; all of it, without. */
  readBytesMax = 2 ** 20;

  constructor(options: ConstructorParameters<typeof SimulatedWorld>[0] = {}) {
    this.world = new SimulatedWorld(options);
    this.link = this.newLink('flat');
  }

  async synced(keys: readonly string[]): Promise<void> {
    for (const key of keys) this.world.treeClient.put(key, bytes(`${key} at first`));
    await this.world.start();
    await this.world.inSync();
    await this.world.stop();
  }

  async context(): Promise<MappingContext> {
    const { clock, random, tree, flat, disk } = this.world;
    await this.leave();
    this.archive = await disk.open();
    const common = { ledgerPlace: LEDGER_PLACE, digest: contentDigest, writer: 'daemon' };
    this.link = this.newLink('flat');
    const bounds = { readBytesMax: this.readBytesMax };
    const left = new MemoryTreeReplica({ ...common, tree, link: this.newLink('tree'), root: ROOT, bounds });
    const right = new MemoryFlatReplica({ ...common, flat, link: this.link, prefix: PREFIX });
    const quiet = () => undefined;
    const isLevelEnabled = () => false;
    const logger: Logger = {
      debug: quiet,
      info: quiet,
      warn: quiet,
      error: quiet,
      isLevelEnabled,
      child: () => logger,
    };
    const metrics = {
      write: quiet,
      batch: quiet,
      echoes: quiet,
      conflict: quiet,
      rescan: quiet,
      clientChange: quiet,
      propagated: quiet,
      reconciled: quiet,
    };
    const replicas = { left, right };
    const parts = { writer: 'applier', replicas, archive: this.archive.mapping(PLACES), clock, random };
    return daemonContext({ ...parts, logger, metrics });
  }

  /** Makes room for a daemon. */
  async leave(): Promise<void> {
    await this.archive?.close();
    this.archive = undefined;
  }

  async plan(): Promise<DecidedOn[]> {
    const context = await this.context();
    const memory = new MappingMemory(context.archive);
    const planned: DecidedOn[] = [];
    const step = (one: Parameters<Parameters<typeof planMapping>[3]>[0]) => {
      const decided = decidedOn(one.examined);
      if (decided !== undefined) planned.push(decided);
    };
    await this.during(planMapping(context, memory, new Examiner(context, memory), step, NEVER));
    return planned;
  }

  async apply(planned: readonly DecidedOn[], approved = false): Promise<readonly Refusal[]> {
    const applier = new PlanApplier(await this.context());
    expect(await this.during(applier.begin(NEVER))).toBeUndefined();
    return this.during(applier.apply(planned, approved, NEVER));
  }

  async during<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const settled = (): void => void (isSettled = true);
    promise.then(settled, settled);
    await this.world.clock.runUntil(() => isSettled, { limitMs: 60_000 });
    return promise;
  }

  private newLink(storeName: string): Link {
    return new Link({ storeName, clock: this.world.clock, random: this.world.random });
  }
}

describe('a plan that is applied', () => {
  it('S3: is carried out where all is as it was, and nowhere else', async () => {
    const stage = new Stage();
    const { treeClient, flatClient } = stage.world;
    await stage.synced(['a', 'b', 'c', 'd']);
    treeClient.put('a', bytes('changed'));
    treeClient.put('b', bytes('changed'));
    treeClient.remove('c');
    treeClient.put('new', bytes('1'));
    const planned = await stage.plan();
    expect(planned.map(({ key, action, on }) => [key, action, on])).toEqual([
      ['a', 'update', 'right'],
      ['b', 'update', 'right'],
      ['c', 'delete', 'right'],
      ['new', 'create', 'right'],
    ]);
    treeClient.put('b', bytes('changed once more'));
    flatClient.put('c', bytes('changed here'));
    treeClient.put('d', bytes('not in the plan'));
    const refused = await stage.apply(planned);
    expect(refused).toEqual([
      { key: 'b', why: expect.stringMatching(/^tree has .*, and had /) as string },
      { key: 'c', why: expect.stringMatching(/^flat has .*, and had /) as string },
    ]);
    expect(Object.fromEntries(stage.world.flatEntries())).toEqual({
      a: 'changed',
      b: 'b at first',
      c: 'changed here',
      d: 'd at first',
      new: '1',
    });
    // A daemon goes on from what is recorded.
    await stage.leave();
    await stage.world.start();
    await stage.world.inSync();
    expect(stage.world.flatEntries()).toEqual(stage.world.treeEntries());
    await stage.world.stop();
  });

  it('is whole, and carried out whole, where values are too large to be read all at once', async () => {
    const stage = new Stage();
    const keys = ['a', 'b', 'c', 'd', 'e'];
    await stage.synced(keys);
    for (const key of keys) stage.world.treeClient.put(key, bytes(`${key} changed`));
    stage.readBytesMax = 'a changed'.length;
    const planned = await stage.plan();
    expect(planned.map(({ key }) => key)).toEqual(keys);
    expect(await stage.apply(planned)).toEqual([]);
    expect(stage.world.flatEntries()).toEqual(stage.world.treeEntries());
    await stage.leave();
  });

  it('S3: leaves out what a client changes in the moment of the write, and does not try again', async () => {
    const stage = new Stage();
    await stage.synced(['a', 'b']);
    stage.world.treeClient.put('a', bytes('changed'));
    stage.world.treeClient.put('b', bytes('changed'));
    const planned = await stage.plan();
    const context = await stage.context();
    stage.link.faults = {
      beforeWrite: ({ operations }) => {
        if (operations.some(({ key }) => key === 'a')) stage.world.flatClient.put('a', bytes('meanwhile'));
        return undefined;
      },
    };
    const applier = new PlanApplier(context);
    await stage.during(applier.begin(NEVER));
    const refused = await stage.during(applier.apply(planned, false, NEVER));
    expect(refused).toMatchObject([
      { key: 'a', why: expect.stringContaining('in the moment of the write') as string },
    ]);
    expect(Object.fromEntries(stage.world.flatEntries())).toEqual({ a: 'meanwhile', b: 'changed' });
  });

  it('S4: is judged by the guards, unless exactly these writes were approved', async () => {
    const stage = new Stage();
    const keys = Array.from({ length: 40 }, (_, i) => `k${i}`);
    await stage.synced(keys);
    for (const key of keys.slice(0, 30)) stage.world.treeClient.remove(key);
    const planned = await stage.plan();
    const judged = await stage.apply(planned);
    expect(judged.length).toBe(30);
    expect(judged[0]).toMatchObject({ why: 'mass-deletion: it waits for approval' });
    expect(stage.world.flatEntries().size).toBe(40);

    stage.world.flatClient.put('k0', bytes('changed here'));
    const refused = await stage.apply(planned, true);
    expect(refused).toMatchObject([{ key: 'k0' }]);
    expect(stage.world.flatEntries().size).toBe(11);
    const { archive } = await stage.context();
    // The approval was for that one write, which did not come to pass.
    expect(archive.markCounts().get('held-deletion:approved') ?? 0).toBe(0);
    expect(archive.state()?.holds).toEqual([]);
  });

  it('keeps both values where a direction was changed, of what had drifted before, also when it was approved', async () => {
    // One way until now.
    const stage = new Stage({ policy: { source: 'left' } });
    const { treeClient, flatClient } = stage.world;
    for (const key of ['a', 'b']) treeClient.put(key, bytes('at first'));
    await stage.world.start();
    await stage.world.inSync();
    for (const key of ['a', 'b']) flatClient.put(key, bytes('drifted'));
    await stage.world.inSync();
    await stage.world.stop();

    const planned = await stage.plan();
    expect(planned).toMatchObject([
      { key: 'a', action: 'conflict' },
      { key: 'b', action: 'conflict' },
    ]);
    treeClient.put('b', bytes('changed'));
    expect(await stage.apply(planned, true)).toMatchObject([{ key: 'b' }]);
    const { archive } = await stage.context();
    expect(archive.conflicts({ limit: 10 }).map(({ key }) => key)).toEqual(['a']);
    expect(archive.mark('b')).toMatchObject({ kind: 'drift' });
  });

  it('S7: leaves no approval behind, wherever it is killed', async () => {
    const stage = new Stage();
    const keys = Array.from({ length: 40 }, (_, i) => `k${i}`);
    await stage.synced(keys);
    for (const key of keys.slice(0, 30)) stage.world.treeClient.remove(key);
    const planned = await stage.plan();
    const context = await stage.context();
    const applier = new PlanApplier(context);
    await stage.during(applier.begin(NEVER));
    const approvals: number[] = [];
    stage.link.faults = {
      beforeWrite: () => {
        approvals.push(context.archive.markCounts().get('held-deletion:approved') ?? 0);
        return undefined;
      },
    };
    expect(await stage.during(applier.apply(planned, true, NEVER))).toEqual([]);
    expect(approvals.length).toBeGreaterThan(0);
    expect(Math.max(...approvals)).toBe(0);
  });

  it('leaves alone what a planned write would have a daemon look at besides', async () => {
    const stage = new Stage();
    stage.world.flatClient.put('parent/child', bytes('1'));
    stage.world.flatClient.put('other', bytes('1'));
    await stage.synced([]);
    stage.world.flatClient.remove('parent/child');
    const planned = await stage.plan();
    expect(planned.map(({ key }) => key)).toEqual(['parent/child']);
    expect(await stage.apply(planned)).toEqual([]);
    // The daemon's own node has lost its last child, which is no part of the plan.
    expect(stage.world.treeClient.get('parent/child')).toBeUndefined();
    expect(stage.world.treeClient.get('parent')).toBeDefined();
    await stage.leave();
    await stage.world.start();
    await stage.world.inSync();
    await stage.world.clock.advance(60_000);
    expect(stage.world.treeClient.get('parent')).toBeUndefined();
    await stage.world.stop();
  });

  it('finds a mapping that is paused, or held, in its way', async () => {
    const stage = new Stage();
    await stage.synced(['a']);
    const memory = new MappingMemory((await stage.context()).archive);
    await memory.commit(() => ({ state: { paused: true } }));
    const applier = new PlanApplier(await stage.context());
    expect(await stage.during(applier.begin(NEVER))).toBe('it is paused');
  });
});
