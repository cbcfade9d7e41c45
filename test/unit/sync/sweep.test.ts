import { describe, expect, it } from 'vitest';
import type { ArchiveRecord } from '../../../src/core/archive-record.js';
import { MappingMemory } from '../../../src/sync/mapping-memory.js';
import { sweepSide } from '../../../src/sync/sweep.js';
import { bytes, SimulatedWorld } from '../../kit/simulation/simulated-world.js';

describe('a walk beside the archive', () => {
  it('reports what is missing a bounded number at a time, also before the first entry it finds (S9)', async () => {
    const world = new SimulatedWorld();
    world.flatClient.put('z', bytes('x'));
    const { sync } = await world.start();
    await world.inSync();
    const version = { modified: 1n, created: 1n, revision: 0 };
    const record: ArchiveRecord = {
      kind: 'entry',
      digest: 'd',
      empty: false,
      versions: { left: version, right: version },
      copy: undefined,
      session: undefined,
      mirrorRewrites: 0,
      oscillation: undefined,
    };
    const keys = Array.from({ length: 5_000 }, (_, number) => `k${number}`);
    const committed = sync.memory.commit(() => ({ records: new Map(keys.map((key) => [key, record])) }));
    await world.clock.settle();
    await committed;
    const sizes: number[] = [];
    const seen = new Set<string>();
    const report = (reported: readonly { readonly key: string }[]): Promise<void> => {
      sizes.push(reported.length);
      for (const { key } of reported) seen.add(key);
      return Promise.resolve();
    };
    await sweepSide(
      sync.context,
      new MappingMemory(sync.context.archive),
      'right',
      report,
      new AbortController().signal,
    );
    expect(seen.size).toBe(5_000);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1_256);
    await world.stop();
  });
});
