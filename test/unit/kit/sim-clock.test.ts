import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../kit/memory-store/seeded-random.js';
import { SimClock } from '../../kit/memory-store/sim-clock.js';

const NEVER = new AbortController().signal;

describe('SimClock', () => {
  it('stands still until it is told to pass', async () => {
    const clock = new SimClock(5_000);
    await clock.settle();
    expect([clock.nowMs(), clock.monotonicMs()]).toEqual([5_000, 0]);
    await clock.advance(250);
    expect([clock.nowMs(), clock.monotonicMs()]).toEqual([5_250, 250]);
  });

  it('wakes each sleeper at its own moment, those of one moment in the order in which they fell asleep', async () => {
    const clock = new SimClock();
    const woken: string[] = [];
    const sleepers = [
      ['late', 30],
      ['first', 10],
      ['second', 10],
      ['between', 20],
    ] as const;
    for (const [name, ms] of sleepers) {
      void clock.sleep(ms, NEVER).then(() => woken.push(`${name} at ${clock.monotonicMs()}`));
    }
    await clock.advance(25);
    expect(woken).toEqual(['first at 10', 'second at 10', 'between at 20']);
    expect(clock.sleepers).toBe(1);
    await clock.advance(5);
    expect(woken.at(-1)).toBe('late at 30');
  });

  it('lets a chain of sleeps and promises go on within one advance', async () => {
    const clock = new SimClock();
    const moments: number[] = [];
    void (async () => {
      for (let i = 0; i < 3; i++) {
        await clock.sleep(10, NEVER);
        await Promise.resolve();
        moments.push(clock.monotonicMs());
      }
    })();
    await clock.advance(100);
    expect(moments).toEqual([10, 20, 30]);
  });

  it('wakes a sleeper at once when it is aborted, without time passing, and never rejects', async () => {
    const clock = new SimClock();
    const abort = new AbortController();
    const sleep = clock.sleep(1_000, abort.signal);
    abort.abort();
    await sleep;
    await clock.sleep(1_000, abort.signal);
    expect(clock.monotonicMs()).toBe(0);
    expect(clock.sleepers).toBe(0);
  });

  it('keeps sleeps as long as they are when the wall clock jumps', async () => {
    const clock = new SimClock(10_000);
    let awake = false;
    void clock.sleep(100, NEVER).then(() => (awake = true));
    clock.jumpWallClock(-5_000);
    expect(clock.nowMs()).toBe(5_000);
    await clock.advance(99);
    expect(awake).toBe(false);
    await clock.advance(1);
    expect(awake).toBe(true);
  });

  it('runs until a condition holds, and no further', async () => {
    const clock = new SimClock();
    let rounds = 0;
    void (async () => {
      while (rounds < 100) {
        await clock.sleep(10, NEVER);
        rounds++;
      }
    })();
    await clock.runUntil(() => rounds === 7, { limitMs: 1_000 });
    expect(clock.monotonicMs()).toBe(70);
  });

  it('fails a condition that does not hold in time, or for which nobody is left to wait', async () => {
    const clock = new SimClock();
    void clock.sleep(2_000, NEVER);
    const late = clock.runUntil(() => false, { limitMs: 1_000, what: 'peace' });
    await expect(late).rejects.toThrow('waited 1000 ms of virtual time in vain for peace');
    await clock.advance(2_000);
    const idle = clock.runUntil(() => false, { limitMs: 1_000, what: 'peace' });
    await expect(idle).rejects.toThrow('nobody waits for time to pass');
  });

  it('fails a loop that sleeps without time passing, instead of hanging', async () => {
    const clock = new SimClock();
    const abort = new AbortController();
    void (async () => {
      while (!abort.signal.aborted) await clock.sleep(0, abort.signal);
    })();
    await expect(clock.advance(1)).rejects.toThrow('without time passing');
    abort.abort();
  });
});

describe('SeededRandom', () => {
  it('repeats itself from the same seed, and not from another', () => {
    const draw = (seed: number) => {
      const random = new SeededRandom(seed);
      return Array.from({ length: 20 }, () => random.next());
    };
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
  });

  it('draws evenly from [0, 1)', () => {
    const random = new SeededRandom(1);
    const draws = Array.from({ length: 10_000 }, () => random.next());
    expect(Math.min(...draws)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...draws)).toBeLessThan(1);
    expect(draws.reduce((sum, one) => sum + one) / draws.length).toBeCloseTo(0.5, 1);
  });

  it('picks every item and every number now and then, and nothing from nothing', () => {
    const random = new SeededRandom(2);
    const items = ['a', 'b', 'c'];
    expect(new Set(Array.from({ length: 100 }, () => random.pick(items)))).toEqual(new Set(items));
    expect(new Set(Array.from({ length: 100 }, () => random.below(3)))).toEqual(new Set([0, 1, 2]));
    expect(() => random.pick([])).toThrow(RangeError);
  });

  it('has a chance come true about as often as it should', () => {
    const random = new SeededRandom(3);
    const hits = Array.from({ length: 10_000 }, () => random.chance(0.2)).filter(Boolean);
    expect(hits.length / 10_000).toBeCloseTo(0.2, 1);
    expect(random.chance(0)).toBe(false);
    expect(random.chance(1)).toBe(true);
  });
});
