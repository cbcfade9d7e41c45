import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  isBulk,
  judgeDeletions,
  judgeOverwrites,
  largestSize,
  recordOverwrites,
  recordSize,
  startOverwriteHistory,
  startSizeHistory,
} from '../../../src/core/deletion-budget.js';
import type { Budget, DeletionJudgement, SizeHistory } from '../../../src/core/deletion-budget.js';
import { WINDOW_BUCKETS } from '../../../src/core/forgetting-window.js';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const budget: Budget = { percent: 25, atLeast: 20, withinMs: HOUR_MS };

const budgets: fc.Arbitrary<Budget> = fc.record({
  percent: fc.integer({ min: 0, max: 100 }),
  atLeast: fc.nat(30),
  withinMs: fc.constant(HOUR_MS),
});

interface Drain {
  readonly size: number;
  readonly creates: number;
  readonly deletions: number;
}
const drains: fc.Arbitrary<Drain> = fc
  .tuple(fc.nat(300), fc.nat(100), fc.nat(300))
  .map(([size, creates, deletions]) => ({ size, creates, deletions: Math.min(size, deletions) }));

function judge(drain: Drain, peak = drain.size, within = budget, holding = false): DeletionJudgement {
  return judgeDeletions({ ...drain, history: startSizeHistory(0, peak), holding, budget: within });
}

describe('the deletion budget', () => {
  it('lets up to a quarter go, and holds one more', () => {
    expect(judge({ size: 100, creates: 0, deletions: 25 })).toEqual({
      allowed: 25,
      held: 0,
      reason: undefined,
      wouldRemain: 75,
      largest: 100,
    });
    expect(judge({ size: 100, creates: 0, deletions: 26 })).toEqual({
      allowed: 0,
      held: 26,
      reason: 'net-loss',
      wouldRemain: 74,
      largest: 100,
    });
  });

  it('lets fewer than `atLeast` go, whatever share that is', () => {
    expect(judge({ size: 22, creates: 0, deletions: 19 }).reason).toBeUndefined();
    expect(judge({ size: 22, creates: 0, deletions: 20 }).reason).toBe('net-loss');
  });

  it('holds what would empty a mapping of two or more entries, however few', () => {
    expect(judge({ size: 2, creates: 0, deletions: 2 }).reason).toBe('emptied');
    expect(judge({ size: 1, creates: 0, deletions: 1 }).reason).toBeUndefined();
    expect(judge({ size: 1, creates: 0, deletions: 1 }, 2).reason).toBe('emptied');
    expect(judge({ size: 2, creates: 1, deletions: 2 }).reason).toBeUndefined();
  });

  it("allows all of a drain's deletions or none", () => {
    fc.assert(
      fc.property(drains, fc.nat(400), budgets, (drain, peak, within) => {
        const { allowed, held, reason } = judge(drain, peak, within);
        expect(allowed + held).toBe(drain.deletions);
        expect(held === 0 || allowed === 0).toBe(true);
        if (held > 0) expect(reason).toBeDefined();
      }),
    );
  });

  it('ignores churn: entries deleted and made again, or renamed, change nothing', () => {
    fc.assert(
      fc.property(drains, fc.nat(400), budgets, fc.nat(500), (drain, peak, within, churn) => {
        const more = { ...drain, creates: drain.creates + churn, deletions: drain.deletions + churn };
        expect(judge(more, peak, within).reason).toBe(judge(drain, peak, within).reason);
      }),
    );
  });

  it('allows a rename even where clients had shrunk both sides themselves', () => {
    expect(judge({ size: 50, creates: 10, deletions: 10 }, 100).reason).toBeUndefined();
    expect(judge({ size: 50, creates: 9, deletions: 10 }, 100).reason).toBe('net-loss');
  });

  it('goes by the present size where that is the largest', () => {
    expect(judge({ size: 100, creates: 0, deletions: 30 }, 50)).toMatchObject({ held: 30, largest: 100 });
  });

  it('is monotone: more deletions, fewer creates or a larger past never turn a hold into a pass', () => {
    fc.assert(
      fc.property(drains, fc.nat(400), budgets, fc.nat(50), (drain, peak, within, more) => {
        if (judge(drain, peak, within).held === 0) return;
        const deletions = Math.min(drain.size, drain.deletions + more);
        expect(judge({ ...drain, deletions }, peak, within).reason).toBeDefined();
        expect(
          judge({ ...drain, creates: Math.max(drain.creates - more, 0) }, peak, within).reason,
        ).toBeDefined();
        expect(judge(drain, peak + more, within).reason).toBeDefined();
      }),
    );
  });

  it('does not let entries that a client adds later slip held deletions through', () => {
    const drain = { size: 100, creates: 60, deletions: 60 };
    expect(judge(drain, 100, budget, false).reason).toBeUndefined();
    expect(judge(drain, 100, budget, true)).toMatchObject({ held: 60, reason: 'net-loss', wouldRemain: 40 });
  });
});

describe('the deletion budget over time', () => {
  /** One drain after the other, each as its own judgement allows. */
  function drip(start: number, every: { ms: number; deletions: number }, times: number) {
    let size = start;
    let history: SizeHistory = startSizeHistory(0, size);
    let nowMs = 0;
    let held = 0;
    for (let i = 0; i < times; i++) {
      nowMs += every.ms;
      history = recordSize(history, nowMs, size, HOUR_MS);
      const judged = judgeDeletions({
        history,
        size,
        creates: 0,
        deletions: every.deletions,
        holding: false,
        budget,
      });
      size -= judged.allowed;
      held += judged.held;
      history = recordSize(history, nowMs, size, HOUR_MS);
    }
    return { size, held };
  }

  it('catches a drip as it catches a flood', () => {
    expect(drip(100, { ms: 1_000, deletions: 1 }, 100).size).toBe(75);
    fc.assert(
      fc.property(fc.integer({ min: 40, max: 300 }), fc.integer({ min: 1, max: 10 }), (size, deletions) => {
        const { size: left, held } = drip(size, { ms: 5_000, deletions }, 400);
        expect(left).toBeGreaterThanOrEqual(Math.min(size * 0.75, size - 19));
        expect(held).toBeGreaterThan(0);
      }),
    );
  });

  it('lets a mapping shrink slowly over many hours', () => {
    expect(drip(1_000, { ms: 30_000, deletions: 1 }, 400).size).toBe(600);
  });

  it('remembers the largest size for the whole time, and not much longer', () => {
    let history = startSizeHistory(0, 100);
    let nowMs = 0;
    for (; nowMs < HOUR_MS; nowMs += 10_000) {
      history = recordSize(history, nowMs, 10, HOUR_MS);
      expect(largestSize(history)).toBe(100);
    }
    for (; nowMs < HOUR_MS + 2 * MINUTE_MS; nowMs += 10_000)
      history = recordSize(history, nowMs, 10, HOUR_MS);
    expect(largestSize(history)).toBe(10);
  });

  it('counts a size until the moment it is seen to change, however long nobody looked', () => {
    let history = startSizeHistory(0, 100);
    for (let minute = 59; minute < 119; minute++)
      history = recordSize(history, minute * MINUTE_MS, 10, HOUR_MS);
    expect(largestSize(history)).toBe(100);
  });

  it.each([
    ['forward', HOUR_MS],
    ['forward by days', 72 * HOUR_MS],
    ['back', -HOUR_MS],
  ])('does not forget when the clock jumps %s, nor over a downtime', (_, jumpMs) => {
    let history = startSizeHistory(0, 100);
    history = recordSize(history, MINUTE_MS, 80, HOUR_MS);
    for (let i = 0; i < 10; i++) history = recordSize(history, MINUTE_MS + jumpMs + i * 1_000, 80, HOUR_MS);
    expect(largestSize(history)).toBe(100);
    const judged = judgeDeletions({ history, size: 80, creates: 0, deletions: 10, holding: false, budget });
    expect(judged.reason).toBe('net-loss');
  });

  it('still forgets in time after the clock went back', () => {
    let history = startSizeHistory(100 * HOUR_MS + 59_000, 100);
    for (let nowMs = 0; nowMs <= HOUR_MS + MINUTE_MS; nowMs += 10_000)
      history = recordSize(history, nowMs, 10, HOUR_MS);
    expect(largestSize(history)).toBe(10);
  });

  it('S9: stays within its bound', () => {
    let history = startSizeHistory(0, 1);
    for (let minute = 0; minute < 500; minute++)
      history = recordSize(history, minute * MINUTE_MS, minute, HOUR_MS);
    expect(history.buckets).toHaveLength(WINDOW_BUCKETS + 1);
  });

  it('starts from the approved size after an approval', () => {
    const shrunk = startSizeHistory(0, 40);
    const judged = judgeDeletions({
      history: shrunk,
      size: 40,
      creates: 0,
      deletions: 5,
      holding: false,
      budget,
    });
    expect(judged).toMatchObject({ allowed: 5, largest: 40 });
  });
});

describe('the overwrite budget', () => {
  const judgeNow = (overwrites: number, history = startOverwriteHistory(0), size = 100) =>
    judgeOverwrites({ history, size, overwrites, budget });

  it('lets up to a quarter of the mapping be overwritten, and holds one more', () => {
    expect(judgeNow(25)).toEqual({ allowed: 25, held: 0, total: 25 });
    expect(judgeNow(26)).toEqual({ allowed: 0, held: 26, total: 26 });
    expect(judgeNow(19, undefined, 20)).toMatchObject({ held: 0 });
    expect(judgeNow(20, undefined, 20)).toMatchObject({ held: 20 });
  });

  it('adds up what was overwritten one by one', () => {
    let history = startOverwriteHistory(0);
    let overwritten = 0;
    for (let second = 0; second < 100; second++) {
      const { allowed } = judgeNow(1, history);
      overwritten += allowed;
      history = recordOverwrites(history, second * 1_000, allowed, HOUR_MS);
    }
    expect(overwritten).toBe(25);
  });

  it('forgets after its time, and by no jump of the clock', () => {
    let history = recordOverwrites(startOverwriteHistory(0), 0, 25, HOUR_MS);
    history = recordOverwrites(history, 100 * HOUR_MS, 0, HOUR_MS);
    expect(judgeNow(1, history)).toEqual({ allowed: 0, held: 1, total: 26 });
    for (let minute = 0; minute < 61; minute++)
      history = recordOverwrites(history, minute * MINUTE_MS, 0, HOUR_MS);
    expect(judgeNow(1, history)).toEqual({ allowed: 1, held: 0, total: 1 });
  });

  it('has nothing to hold where nothing is overwritten', () => {
    expect(judgeNow(0, recordOverwrites(startOverwriteHistory(0), 0, 90, HOUR_MS))).toMatchObject({
      held: 0,
    });
  });

  it('is monotone: more overwrites never turn a hold into a pass', () => {
    fc.assert(
      fc.property(fc.nat(100), fc.nat(100), fc.nat(300), budgets, (before, overwrites, size, within) => {
        const history = recordOverwrites(startOverwriteHistory(0), 0, before, HOUR_MS);
        if (judgeOverwrites({ history, size, overwrites, budget: within }).held === 0) return;
        expect(judgeOverwrites({ history, size, overwrites: overwrites + 1, budget: within }).allowed).toBe(
          0,
        );
      }),
    );
  });
});

describe('how many writes together may be a part of more', () => {
  it.each([
    { count: 0, size: 0, many: false },
    { count: 9, size: 1_000, many: false },
    { count: 10, size: 1_000, many: true },
    { count: 10, size: 10_000, many: true },
    { count: 10, size: 10_001, many: false },
    { count: 99, size: 100_000, many: false },
    { count: 100, size: 100_000, many: true },
  ])('$count of $size: $many', ({ count, size, many }) => {
    expect(isBulk(count, size, budget)).toBe(many);
  });

  it('are as few as the budget begins to count at, or a tenth of what it allows', () => {
    expect(isBulk(3, 100, { ...budget, atLeast: 3 })).toBe(true);
    expect(isBulk(2, 100, { ...budget, atLeast: 3 })).toBe(false);
    expect(isBulk(10, 1_000_000, { ...budget, percent: 0 })).toBe(true);
    expect(isBulk(0, 1_000_000, { ...budget, percent: 0, atLeast: 0 })).toBe(false);
  });

  it('are never so many that the budget would hold them before anybody asked', () => {
    fc.assert(
      fc.property(drains, budgets, (drain, within) => {
        const { held, reason } = judge(drain, drain.size, within);
        if (held > 0 && reason === 'net-loss') expect(isBulk(held, drain.size, within)).toBe(true);
      }),
    );
  });
});
