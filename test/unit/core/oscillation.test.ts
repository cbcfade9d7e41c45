import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OscillationRecord } from '../../../src/core/archive-record.js';
import type { Digest } from '../../../src/core/observation.js';
import {
  isOscillating,
  OSCILLATION_QUIET_MS,
  OSCILLATION_ROUNDS_MAX,
  recordReplacement,
} from '../../../src/core/oscillation.js';
import { otherSide, SIDES, swapSides, withSide } from '../../../src/core/pair.js';
import type { Pair, Side } from '../../../src/core/pair.js';

/** One entry under a daemon that copies whatever changed to the other side. */
class Entry {
  record: OscillationRecord | undefined;
  nowMs = 0;
  held = false;
  constructor(public contents: Pair<Digest>) {}

  clientWrites(side: Side, content: Digest): void {
    this.contents = withSide(this.contents, side, content);
  }

  /** The daemon finds that `from` changed and copies it over. */
  copy(from: Side, everyMs = 1_000): void {
    this.nowMs += everyMs;
    if (this.held || this.contents.left === this.contents.right) return;
    if (isOscillating(this.record, this.contents, this.nowMs)) {
      this.held = true;
      return;
    }
    this.record = recordReplacement(this.record, otherSide(from), this.contents, this.nowMs);
    this.contents = { left: this.contents[from], right: this.contents[from] };
  }
}

describe('oscillation', () => {
  it.each(SIDES)("holds a one-way mapping's entry whose copy is put back each time, source %s", (source) => {
    const entry = new Entry({ left: 'new', right: 'new' });
    const target = otherSide(source);
    let rounds = 0;
    for (; !entry.held && rounds < 100; rounds++) {
      entry.clientWrites(target, 'old');
      entry.copy(source);
    }
    // The first write is nobody's round: only then is there something to restore.
    expect(rounds).toBe(OSCILLATION_ROUNDS_MAX + 1);
  });

  it('holds a ring of two tools that each enforce their value on their side', () => {
    const entry = new Entry({ left: 'a', right: 'b' });
    let writes = 0;
    for (; !entry.held && writes < 100; writes++) {
      if (writes % 2 === 0) {
        entry.clientWrites('left', 'a');
        entry.copy('left');
      } else {
        entry.clientWrites('right', 'b');
        entry.copy('right');
      }
    }
    expect(writes).toBeLessThanOrEqual(OSCILLATION_ROUNDS_MAX + 2);
  });

  it('never holds an entry that clients switch on one side, to and fro, as often as they like', () => {
    fc.assert(
      fc.property(fc.constantFrom(...SIDES), fc.array(fc.constantFrom('on', 'off', 'x')), (side, values) => {
        const entry = new Entry({ left: 'x', right: 'x' });
        for (const value of [...values, ...values, ...values]) {
          entry.clientWrites(side, value);
          entry.copy(side);
        }
        expect(entry.held).toBe(false);
        expect(entry.record?.rounds ?? 0).toBe(0);
      }),
    );
  });

  it('does not count a foreign write that brings something else', () => {
    const entry = new Entry({ left: 'v', right: 'v' });
    for (let i = 0; i < 50; i++) {
      entry.clientWrites('right', `other ${String(i)}`);
      entry.copy('left');
    }
    expect(entry.held).toBe(false);
    expect(entry.record?.rounds).toBe(0);
  });

  it('counts a round once, however often it is looked at before the daemon writes again', () => {
    const record: OscillationRecord = {
      side: 'right',
      replaced: 'old',
      rounds: OSCILLATION_ROUNDS_MAX - 2,
      lastAtMs: 0,
    };
    const contents = { left: 'new', right: 'old' };
    for (let i = 0; i < 20; i++) expect(isOscillating(record, contents, 1)).toBe(false);
    const next = recordReplacement(record, 'right', contents, 1);
    expect(next).toEqual({ side: 'right', replaced: 'old', rounds: OSCILLATION_ROUNDS_MAX - 1, lastAtMs: 1 });
    expect(isOscillating(next, contents, 2)).toBe(true);
  });

  it('forgets rounds after a quiet time', () => {
    const entry = new Entry({ left: 'new', right: 'old' });
    for (let i = 0; i < 100; i++) {
      entry.copy('left', OSCILLATION_QUIET_MS);
      entry.clientWrites('right', 'old');
    }
    expect(entry.held).toBe(false);
    expect(entry.record?.rounds).toBe(1);
  });

  it('is not kept alive by writes that are no rounds', () => {
    const record: OscillationRecord = { side: 'right', replaced: 'old', rounds: 3, lastAtMs: 0 };
    const next = recordReplacement(
      record,
      'right',
      { left: 'newer', right: 'new' },
      OSCILLATION_QUIET_MS - 1,
    );
    expect(next).toEqual({ side: 'right', replaced: 'new', rounds: 3, lastAtMs: 0 });
  });

  it('does not stop an ordinary change that follows many rounds', () => {
    const record: OscillationRecord = {
      side: 'right',
      replaced: 'old',
      rounds: OSCILLATION_ROUNDS_MAX,
      lastAtMs: 0,
    };
    expect(isOscillating(record, { left: 'newer', right: 'new' }, 1)).toBe(false);
  });

  it('has nothing to remember of a write that replaced nothing', () => {
    expect(recordReplacement(undefined, 'right', { left: 'v', right: undefined }, 0)).toBeUndefined();
  });

  it('is the same in a mirror', () => {
    const digests = fc.option(fc.constantFrom('a', 'b', 'c'), { nil: undefined });
    const records = fc.record({
      side: fc.constantFrom(...SIDES),
      replaced: fc.constantFrom('a', 'b', 'c'),
      rounds: fc.nat(OSCILLATION_ROUNDS_MAX),
      lastAtMs: fc.nat(OSCILLATION_QUIET_MS * 2),
    });
    const contents = fc.record({ left: digests, right: digests });
    fc.assert(
      fc.property(records, contents, fc.constantFrom(...SIDES), (record, now, side) => {
        const mirrored = { ...record, side: otherSide(record.side) };
        const nowMs = OSCILLATION_QUIET_MS * 2;
        expect(isOscillating(mirrored, swapSides(now), nowMs)).toBe(isOscillating(record, now, nowMs));
        const after = recordReplacement(record, side, now, nowMs);
        expect(recordReplacement(mirrored, otherSide(side), swapSides(now), nowMs)).toEqual(
          after === undefined ? undefined : { ...after, side: otherSide(after.side) },
        );
      }),
    );
  });
});
