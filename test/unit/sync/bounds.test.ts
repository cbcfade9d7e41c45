import { describe, expect, it } from 'vitest';
import { Attention } from '../../../src/sync/attention.js';
import { SimClock } from '../../kit/memory-store/sim-clock.js';
import { bytes, SimulatedWorld } from '../../kit/simulation/simulated-world.js';

const NEVER = new AbortController().signal;

describe('what waits to be tried again', () => {
  it('finds room beside thousands of entries that are left out (L2, S9)', () => {
    const clock = new SimClock();
    const attention = new Attention(clock);
    for (let number = 0; number < 10_000; number++) attention.retryLater(`refused${number}`, true);
    expect(attention.unseen).toBe(false);
    attention.retryLater('k');
    expect(attention.unseen).toBe(true);
    expect(attention.nextRetryMs()).toBe(10);
  });

  it('is walked for when it found no room, and until then nothing is called in sync (S9)', async () => {
    const clock = new SimClock();
    const attention = new Attention(clock);
    for (let number = 0; number <= 10_000; number++) attention.retryLater(`k${number}`);
    for (let number = 0; number <= 10_000; number++) attention.settled(`k${number}`);
    expect(attention.unseen).toBe(true);
    attention.takeUpRetries();
    expect(attention.takeSweep('left')).toEqual({ reason: 'retry', parts: [''], mayFind: true });
    expect(attention.takeSweep('right')).toEqual({ reason: 'retry', parts: [''], mayFind: true });
    await clock.settle();
  });
});

describe('a long turn of the loop', () => {
  it('is seen going on while it writes slowly', async () => {
    const world = new SimulatedWorld({ travelMs: { min: 2_000, max: 2_000 } });
    for (let number = 0; number < 2_000; number++) world.treeClient.put(`k${number}`, bytes('x'));
    const { sync } = await world.start();
    let longestMs = 0;
    for (let waited = 0; waited < 600; waited++) {
      await world.clock.advance(1_000);
      longestMs = Math.max(longestMs, world.clock.monotonicMs() - sync.turnedMs);
    }
    expect(longestMs).toBeLessThan(60_000);
    await world.stop();
  });

  it('begins no other beside a write that goes on at one side while the other has failed (S3)', async () => {
    const world = new SimulatedWorld();
    const { sync, links } = await world.start();
    await world.inSync();
    const { right } = sync.context.replicas;
    const { write, read } = right;
    let writing = 0;
    let readBeside = 0;
    right.write = async (batch, signal) => {
      writing++;
      await world.clock.sleep(15_000, signal);
      try {
        return await write.call(right, batch, signal);
      } finally {
        writing--;
      }
    };
    right.read = (keys, signal) => {
      if (writing > 0) readBeside++;
      return read.call(right, keys, signal);
    };
    world.treeClient.put('to-the-flat-store', bytes('x'));
    world.flatClient.put('to-the-tree', bytes('x'));
    // The tree never answers; just when that is noticed, and its ledger is asked for, it can't be reached.
    links.left.faults = { beforeWrite: () => 'request-lost' };
    const breakOff = async (): Promise<void> => {
      await world.clock.sleep(9_900, NEVER);
      links.left.faults = {};
      links.left.disconnect();
      await world.clock.sleep(300, NEVER);
      links.left.reconnect();
    };
    void breakOff();
    const inOneRound = sync.exclusively(() => sync.lookNow(['to-the-flat-store', 'to-the-tree'], NEVER));
    inOneRound.catch(() => undefined);
    await world.clock.advance(60_000);
    expect(readBeside).toBe(0);
    await world.inSync();
    expect(world.treeEntries()).toEqual(world.flatEntries());
    await world.stop();
  });
});
