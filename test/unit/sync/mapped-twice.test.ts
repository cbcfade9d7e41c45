import { describe, expect, it } from 'vitest';
import { MappingSync } from '../../../src/sync/mapping-sync.js';
import { MemoryArchiveDisk } from '../../kit/memory-archive.js';
import { contentDigest } from '../../kit/memory-store/content-digest.js';
import { FlatClient } from '../../kit/memory-store/flat-client.js';
import { Link } from '../../kit/memory-store/link.js';
import { MemoryFlat } from '../../kit/memory-store/memory-flat.js';
import { MemoryFlatReplica } from '../../kit/memory-store/memory-flat-replica.js';
import { MemoryTree } from '../../kit/memory-store/memory-tree.js';
import { MemoryTreeReplica } from '../../kit/memory-store/memory-tree-replica.js';
import { SeededRandom } from '../../kit/memory-store/seeded-random.js';
import { SimClock } from '../../kit/memory-store/sim-clock.js';
import { daemonContext, PLACES, PREFIX, ROOT } from '../../kit/simulation/daemon-context.js';

const NOTHING = (): void => undefined;

/** Two stores, and deployments of different instances between them that map the same places. */
class SharedPlaces {
  readonly clock = new SimClock();
  readonly tree = new MemoryTree(this.clock);
  readonly flat = new MemoryFlat(this.clock);
  private readonly random: SeededRandom;
  private readonly stopping = new AbortController();

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
    new FlatClient(this.flat, PREFIX).put('k', Buffer.from('x'));
  }

  async start(instance: string, travelMs: { min: number; max: number }): Promise<MappingSync> {
    const { clock, random } = this;
    const disk = new MemoryArchiveDisk({ journal: { keepMs: Infinity, maxBytes: 2 ** 30 } });
    const link = (storeName: string): Link => new Link({ storeName, clock, random, travelMs });
    const ledgerPlace = `${instance}/config`;
    const common = { ledgerPlace, digest: contentDigest, writer: instance };
    const logger = {
      isLevelEnabled: () => false,
      debug: NOTHING,
      info: NOTHING,
      warn: NOTHING,
      error: NOTHING,
      child: () => logger,
    };
    const metrics = {
      ...{ write: NOTHING, batch: NOTHING, echoes: NOTHING, conflict: NOTHING },
      ...{ rescan: NOTHING, clientChange: NOTHING, propagated: NOTHING, reconciled: NOTHING },
    };
    const context = daemonContext({
      writer: instance,
      replicas: {
        left: new MemoryTreeReplica({ ...common, tree: this.tree, link: link('tree'), root: ROOT }),
        right: new MemoryFlatReplica({ ...common, flat: this.flat, link: link('flat'), prefix: PREFIX }),
      },
      archive: (await disk.open()).mapping(PLACES),
      clock,
      random,
      logger,
      metrics,
    });
    const sync = new MappingSync({ ...context, instance });
    void sync.run(this.stopping.signal);
    return sync;
  }

  ledgerVersions(instance: string): readonly unknown[] {
    const key = `zk-consul-sync/${instance}/config`;
    return [this.tree.node(`/${key}`)?.mzxid, this.flat.entry(key)?.modifyIndex];
  }

  stop(): void {
    this.stopping.abort();
  }
}

function isHeld(sync: MappingSync): boolean {
  return sync.holds.some(({ reason }) => reason === 'mapped-twice');
}

describe('deployments of different instances over the same places', () => {
  it.each(Array.from({ length: 60 }, (_, index) => index + 1))(
    'that start at once, and cross on their way to the two stores, end as one that goes on (seed %i)',
    async (seed) => {
      const world = new SharedPlaces(seed);
      const syncs = await Promise.all(
        ['first', 'second', 'third'].map((name) => world.start(name, { min: 0, max: 50 })),
      );
      await world.clock.advance(120_000);
      expect(syncs.filter(isHeld)).toHaveLength(2);
      expect(syncs.filter((sync) => sync.isInSync)).toHaveLength(1);
      world.stop();
    },
  );

  it('write nothing while they are held, not even their ledgers', async () => {
    const world = new SharedPlaces(1);
    const [one, other] = await Promise.all([
      world.start('one', { min: 5, max: 5 }),
      world.start('other', { min: 5, max: 5 }),
    ]);
    await world.clock.advance(10_000);
    expect([isHeld(one), isHeld(other)].filter(Boolean)).toHaveLength(1);
    const held = isHeld(one) ? 'one' : 'other';
    const before = world.ledgerVersions(held);
    expect(before).not.toContain(undefined);
    await world.clock.advance(600_000);
    expect(world.ledgerVersions(held)).toEqual(before);
    world.stop();
  });
});
