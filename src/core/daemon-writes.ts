import type { LedgerMirror } from './mapping-state.js';
import { LEDGER_RECENT_MAX, wroteVersion } from './ledger.js';

/** How many of the daemons' writes are remembered for a side. */
const NUMBERS_MAX = 32_768;
/** From so many on, those that settled entries no longer need should be let go. */
export const NUMBERS_WANTED_MAX = 4_096;

/**
 * Which of one store's writes are the daemons' own, as a standby learns it from the ledger that the active moves.
 * A ledger lists its latest numbers only, so whoever looks often enough knows them all, and whoever missed some knows
 * from where on.
 */
export class DaemonWrites {
  /** Above it, every write of the daemons is known. */
  private from = -1n;
  private at: LedgerMirror | undefined;
  private readonly numbers = new Set<bigint>();

  /** Everything up to `mirror` is settled in the archive: nothing before it will be asked for. */
  beginSettled(mirror: LedgerMirror | undefined): void {
    this.begin(mirror);
    this.from = -1n;
  }

  /**
   * Takes note of the ledger as it was just read.
   * @returns false when writes before it were missed, so that of these nothing is known any more
   */
  follow(mirror: LedgerMirror | undefined): boolean {
    const before = this.at;
    if (mirror === undefined) return true;
    const isContinued =
      before !== undefined &&
      (mirror.version.modified === before.version.modified ||
        mirror.recent.includes(before.version.modified));
    if (!isContinued) {
      this.begin(mirror);
      return this.from < 0n;
    }
    this.at = mirror;
    for (const number of mirror.recent) if (number > this.from) this.numbers.add(number);
    this.numbers.add(mirror.version.modified);
    if (this.numbers.size <= NUMBERS_MAX) return true;
    this.letGo(mirror.version.modified);
    return false;
  }

  /** Nothing up to `number` will be asked for any more. */
  letGo(number: bigint): void {
    for (const known of this.numbers) if (known <= number) this.numbers.delete(known);
    if (number > this.from) this.from = number;
  }

  has(modified: bigint): boolean {
    return this.numbers.has(modified);
  }

  /** Whether it is certain who made the write with this number. */
  isCertain(modified: bigint): boolean {
    return modified > this.from || this.numbers.has(modified);
  }

  get size(): number {
    return this.numbers.size;
  }

  /** The number of the latest ledger write seen. */
  get position(): bigint | undefined {
    return this.at?.version.modified;
  }

  private begin(mirror: LedgerMirror | undefined): void {
    this.numbers.clear();
    this.at = mirror;
    this.from = -1n;
    if (mirror === undefined) return;
    for (const number of mirror.recent) this.numbers.add(number);
    if (wroteVersion(mirror, mirror.version.modified)) this.numbers.add(mirror.version.modified);
    // A list that was never full has all there is.
    const oldest = mirror.recent[0];
    if (oldest !== undefined && mirror.recent.length >= LEDGER_RECENT_MAX) this.from = oldest - 1n;
  }
}
