import { expect, it } from 'vitest';
import { withGrace } from '../../../src/sync/grace.js';
import { bytes, SimulatedWorld } from '../../kit/simulation/simulated-world.js';
import { SimClock } from '../../kit/memory-store/sim-clock.js';

it('a write that is under way when the daemon stops is finished and recorded', async () => {
  const world = new SimulatedWorld({ travelMs: { min: 50, max: 50 } });
  await world.start();
  await world.inSync();
  world.treeClient.put('k', bytes('x'));
  const { daemon } = world;
  let underWay = false;
  daemon.links.right.faults = {
    beforeWrite: () => {
      underWay = true;
      return undefined;
    },
  };
  await world.clock.runUntil(() => underWay, { limitMs: 60_000, what: 'the write to begin' });
  const stopped = world.stop();
  await world.clock.advance(6_000);
  await stopped;
  expect(daemon.written).toBe(1);
  const next = await world.start();
  expect(next.sync.memory.archive.record('k')).toMatchObject({ kind: 'entry' });
  await world.stop();
});

it('a write that does not end is broken off after its time of grace', async () => {
  const clock = new SimClock();
  const stopping = new AbortController();
  let cutAtMs = -1;
  const work = withGrace(clock, stopping.signal, 5_000, async (signal) => {
    await clock.sleep(60_000, signal);
    cutAtMs = clock.monotonicMs();
  });
  await clock.advance(1_000);
  stopping.abort();
  await clock.advance(10_000);
  await work;
  expect(cutAtMs).toBe(6_000);
});

it('a write that ends within its time of grace leaves nobody waiting for the rest of it (S9)', async () => {
  const clock = new SimClock();
  const stopping = new AbortController();
  const work = withGrace(clock, stopping.signal, 5_000, (signal) => clock.sleep(1_000, signal));
  stopping.abort();
  await clock.advance(1_000);
  await work;
  expect(clock.sleepers).toBe(0);
});
