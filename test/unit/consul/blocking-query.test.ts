import { describe, expect, it } from 'vitest';
import { followIndex } from '../../../src/consul/blocking-query.js';
import type { BlockingAnswer } from '../../../src/consul/blocking-query.js';
import type { Clock } from '../../../src/ports/clock.js';

/** Time that passes only while somebody waits for it. */
class VirtualClock implements Clock {
  #nowMs = 1_000_000;
  readonly sleptMs: number[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  sleep(ms: number): Promise<void> {
    this.sleptMs.push(ms);
    this.pass(ms);
    return Promise.resolve();
  }

  pass(ms: number): void {
    this.#nowMs += ms;
  }
}

interface Ask {
  readonly index: bigint;
  readonly waitMs: number;
  readonly atMs: number;
}

/** What the store does with one blocking query: an answer after some time, or an error. */
type Step = (BlockingAnswer & { afterMs: number }) | Error;

interface Run {
  readonly asks: readonly Ask[];
  readonly events: readonly string[];
  readonly clock: VirtualClock;
}

/** Follows an index until `next` has no further step. */
async function follow(next: (ask: Ask, position: number) => Step | undefined): Promise<Run> {
  const clock = new VirtualClock();
  const stop = new AbortController();
  const asks: Ask[] = [];
  const events: string[] = [];
  const query = {
    ask: (index: bigint, waitMs: number): Promise<BlockingAnswer> => {
      const ask = { index, waitMs, atMs: clock.monotonicMs() };
      const step = next(ask, asks.length);
      if (step === undefined) stop.abort();
      else asks.push(ask);
      if (step === undefined || step instanceof Error) return Promise.reject(step ?? new Error('over'));
      clock.pass(step.afterMs);
      return Promise.resolve(step);
    },
  };
  const listener = {
    armed: () => events.push('armed'),
    woken: () => events.push('woken'),
    failed: () => events.push('failed'),
  };
  await followIndex(query, listener, { clock, random: { next: () => 0.5 } }, stop.signal);
  return { asks, events, clock };
}

const steps =
  (...all: Step[]) =>
  (_ask: Ask, position: number): Step | undefined =>
    all[position];

const answer = (index: bigint, afterMs = 0, matters = true): Step => ({ index, afterMs, matters });

describe('following an index', () => {
  it('L3: asks once without waiting, and then waits on what came back', async () => {
    const { asks, events } = await follow(steps(answer(7n), answer(9n, 400), answer(12n, 30_000)));
    expect(asks.map(({ index }) => index)).toEqual([0n, 7n, 9n]);
    expect(events).toEqual(['armed', 'woken', 'woken']);
  });

  it('a query that ends after its time with the same index tells nothing', async () => {
    const { asks, events } = await follow(steps(answer(7n), answer(7n, 56_000), answer(7n, 54_000)));
    expect(asks.map(({ index }) => index)).toEqual([0n, 7n, 7n]);
    expect(events).toEqual(['armed']);
  });

  it('L3: an index that goes back is news, and is followed from where it is', async () => {
    const { asks, events } = await follow(steps(answer(43n), answer(12n, 100), answer(15n, 100)));
    expect(asks.map(({ index }) => index)).toEqual([0n, 43n, 12n]);
    expect(events).toEqual(['armed', 'woken', 'woken']);
  });

  it('an index below 1 counts as 1, so that the next query does wait', async () => {
    const { asks } = await follow(steps(answer(0n), answer(1n, 55_000), answer(0n, 55_000)));
    expect(asks.map(({ index }) => index)).toEqual([0n, 1n, 1n]);
  });

  it('L3: a query that returns early without a change starts over, as after a restored snapshot', async () => {
    const { asks, events } = await follow(steps(answer(18n), answer(18n, 40), answer(8n), answer(24n, 500)));
    expect(asks.map(({ index }) => index)).toEqual([0n, 18n, 0n, 8n]);
    expect(events).toEqual(['armed', 'armed', 'woken']);
  });

  it('S9: a proxy that answers every query at once with the same index is asked a few times a minute', async () => {
    const { asks, events, clock } = await follow((ask) => (ask.atMs < 1_300_000 ? answer(5n) : undefined));
    expect(clock.monotonicMs()).toBeGreaterThanOrEqual(1_300_000);
    expect(asks.length).toBeLessThan(150);
    expect(events).toContain('failed');
  });

  it('S9: errors are retried after a growing pause, ten seconds at most, and each loss arms anew', async () => {
    const down = Array.from({ length: 12 }, () => new Error('down'));
    const { asks, events, clock } = await follow(steps(answer(7n), ...down, answer(9n), answer(11n, 50)));
    expect(asks.slice(1, 4).map(({ index }) => index)).toEqual([7n, 0n, 0n]);
    expect(events).toEqual(['armed', ...down.map(() => 'failed'), 'armed', 'woken']);
    expect(clock.sleptMs.slice(0, 3)).toEqual([75, 150, 300]);
    expect(Math.max(...clock.sleptMs)).toBeLessThanOrEqual(10_000);
  });

  it('a success after errors makes the next pause short again', async () => {
    const down = Array.from({ length: 6 }, () => new Error('down'));
    const { clock } = await follow(steps(...down, answer(7n), new Error('down'), answer(9n)));
    expect(clock.sleptMs.at(-1)).toBe(75);
  });

  it('the waits of several watches are spread', async () => {
    const { asks } = await follow(steps(answer(7n), answer(8n, 60_000), answer(9n)));
    expect(asks[2]?.waitMs).toBe(52_250);
  });

  it('S9: no query waits longer than it has been followed, as the server keeps its connection when the daemon is gone', async () => {
    const waitedOut = (ask: Ask): Step => answer(7n, ask.waitMs);
    const { asks } = await follow((ask, position) => (position < 9 ? waitedOut(ask) : undefined));
    const [first] = asks;
    expect(asks.slice(0, 3).map(({ waitMs }) => waitMs)).toEqual([19_000, 19_000, 36_100]);
    expect(asks.every(({ waitMs, atMs }) => waitMs <= Math.max(20_000, atMs - (first?.atMs ?? 0)))).toBe(
      true,
    );
    expect(asks.at(-1)?.waitMs).toBe(52_250);
  });

  it('S9: a lone change is followed at once, a storm of changes at ten requests a second', async () => {
    let index = 1n;
    const { asks, clock } = await follow((ask) => (ask.atMs < 1_060_000 ? answer(++index, 1) : undefined));
    expect(asks.slice(0, 20).every(({ atMs }, position) => atMs === 1_000_000 + position)).toBe(true);
    expect(clock.sleptMs.length).toBeGreaterThan(0);
    expect(asks.length).toBeGreaterThan(550);
    expect(asks.length).toBeLessThan(650);
  });

  it('S9: a storm that tells nothing is followed by a query in 1.6 seconds, and passed on to nobody', async () => {
    let index = 1n;
    const { asks, events } = await follow((ask) =>
      ask.atMs < 1_060_000 ? answer(++index, 1, false) : undefined,
    );
    expect(asks.length).toBeGreaterThan(33);
    expect(asks.length).toBeLessThan(44);
    expect(events).toEqual(['armed']);
  });
});
