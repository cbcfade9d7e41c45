import { describe, expect, it } from 'vitest';
import { WriteGate } from '../../../src/sync/write-gate.js';
import { SimClock } from '../../kit/memory-store/sim-clock.js';

const NEVER = new AbortController().signal;

/** When each of some batches was given to the store, in milliseconds. */
async function startsOf(gate: WriteGate, clock: SimClock, batches: readonly number[]): Promise<number[]> {
  const starts: number[] = [];
  const all = batches.map((operations) =>
    gate.pass(operations, NEVER, () => {
      starts.push(clock.monotonicMs());
      return Promise.resolve();
    }),
  );
  await clock.advance(10_000);
  await Promise.all(all);
  return starts;
}

describe('the gate before a store', () => {
  it('lets batches through at once, and as large as the store takes them, where no limit is set', async () => {
    const clock = new SimClock();
    const gate = new WriteGate(clock, 0);
    expect(gate.operationsWanted).toBe(Infinity);
    expect(await startsOf(gate, clock, [256, 256, 256])).toEqual([0, 0, 0]);
  });

  it('keeps to a hard limit, with batches that hold others up for a twentieth of a second', async () => {
    const clock = new SimClock();
    const gate = new WriteGate(clock, 1_000);
    expect(gate.operationsWanted).toBe(50);
    expect(await startsOf(gate, clock, [50, 50, 50, 50])).toEqual([0, 50, 100, 150]);
  });

  it('has batches of some operations under the lowest limit, since each takes a write of the ledger, too', () => {
    expect(new WriteGate(new SimClock(), 1).operationsWanted).toBe(16);
  });

  it('takes over a limit that is set while it runs', async () => {
    const clock = new SimClock();
    const gate = new WriteGate(clock, 0);
    gate.limit(100);
    expect(await startsOf(gate, clock, [10, 10])).toEqual([0, 100]);
  });

  it('pauses after a store has said that it has too much to do, and no longer once it is well', async () => {
    const clock = new SimClock();
    const gate = new WriteGate(clock, 0);
    gate.pushedBack();
    gate.pushedBack();
    expect(await startsOf(gate, clock, [1])).toEqual([100]);
    await startsOf(gate, clock, Array<number>(10).fill(1));
    const wellMs = clock.monotonicMs();
    expect(await startsOf(gate, clock, [1])).toEqual([wellMs]);
  });
});
