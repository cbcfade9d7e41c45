import { describe, expect, it } from 'vitest';
import { DaemonWrites } from '../../../src/core/daemon-writes.js';
import { LEDGER_RECENT_MAX, mirrorOf, nextLedger, withWrite } from '../../../src/core/ledger.js';
import type { LedgerMirror } from '../../../src/core/mapping-state.js';

const IDENTITY = { pairId: 'pair', writer: 'w', places: { left: 'l/', right: 'r/' }, paused: false };

/** A ledger written again and again, with foreign writes between: only even numbers are the daemon's. */
class Writer {
  mirror: LedgerMirror | undefined;
  number = 0n;

  write(): LedgerMirror {
    this.number += 2n;
    const version = { modified: this.number, created: 2n, revision: 0 };
    this.mirror = mirrorOf({ ledger: nextLedger(IDENTITY, this.mirror), version });
    return this.mirror;
  }

  writeMany(count: number): LedgerMirror {
    for (let i = 1; i < count; i++) this.write();
    return this.write();
  }
}

describe('the writes of the daemons, followed in a ledger', () => {
  it('are all known to who looks at every write, however many there were', () => {
    const writer = new Writer();
    const writes = new DaemonWrites();
    for (let i = 0; i < 1_000; i++) expect(writes.follow(writer.write())).toBe(true);
    for (let number = 1n; number <= 2_000n; number++) {
      expect(writes.has(number)).toBe(number % 2n === 0n);
      expect(writes.isCertain(number)).toBe(true);
    }
  });

  it('are all known as long as the ledger still lists what was seen last', () => {
    const writer = new Writer();
    const writes = new DaemonWrites();
    writes.follow(writer.write());
    for (let i = 0; i < 5; i++) expect(writes.follow(writer.writeMany(LEDGER_RECENT_MAX))).toBe(true);
    expect(writes.has(2n)).toBe(true);
    expect(writes.isCertain(1n)).toBe(true);
  });

  it('are unknown below the oldest one listed, once one was missed', () => {
    const writer = new Writer();
    const writes = new DaemonWrites();
    writes.follow(writer.write());
    const seen = writer.number;
    expect(writes.follow(writer.writeMany(LEDGER_RECENT_MAX + 1))).toBe(false);
    const oldest = writer.mirror?.recent[0] ?? 0n;
    expect(oldest).toBeGreaterThan(seen);
    expect(writes.isCertain(oldest)).toBe(true);
    expect(writes.isCertain(oldest + 1n)).toBe(true);
    expect(writes.isCertain(oldest - 1n)).toBe(false);
    expect(writes.has(seen)).toBe(false);
  });

  it('include those that went without the ledger, as soon as it moves', () => {
    const writer = new Writer();
    const writes = new DaemonWrites();
    const first = writer.write();
    writes.follow(first);
    writer.number = 10n;
    writer.mirror = withWrite(first, 9n);
    expect(writes.follow(writer.write())).toBe(true);
    expect(writes.has(9n)).toBe(true);
    // Also where the list is cut between it and the ledger write before it.
    writer.writeMany(LEDGER_RECENT_MAX - 1);
    const late = new DaemonWrites();
    late.follow(writer.mirror);
    expect(late.isCertain(9n)).toBe(late.has(9n));
  });

  it('need not be known where everything is settled, and are let go when it is', () => {
    const writer = new Writer();
    const writes = new DaemonWrites();
    writes.beginSettled(writer.writeMany(1_000));
    expect(writes.isCertain(1n)).toBe(true);
    for (let i = 0; i < 100; i++) writes.follow(writer.write());
    writes.letGo(2_100n);
    expect(writes.size).toBe(50);
    expect(writes.isCertain(2_101n)).toBe(true);
    expect(writes.isCertain(2_099n)).toBe(false);
  });

  it('are bounded: of too many, nothing is known any more up to the latest (S9)', () => {
    const writer = new Writer();
    const writes = new DaemonWrites();
    let missed = 0;
    for (let i = 0; i < 33_000; i++) if (!writes.follow(writer.write())) missed++;
    expect(missed).toBe(1);
    expect(writes.size).toBeLessThanOrEqual(32_768);
  });
});
