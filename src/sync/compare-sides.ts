import { createHash } from 'node:crypto';
import { isStructure } from '../core/classify.js';
import type { EntryKey, PresentReading, Reading } from '../core/observation.js';
import type { Pair, Side } from '../core/pair.js';
import { SIDES } from '../core/pair.js';
import { isRestricted } from '../core/restricted.js';
import type { Comparison } from '../ports/cutover.js';
import type { MappingContext } from './context.js';
import { compareReadings } from './diff.js';
import { readSideBySide } from './side-by-side.js';

/** What differs may be on its way: so many entries are looked at again. */
const AGAIN_MAX = 1_000;
const LOOKS_AGAIN = 3;
const LOOK_AGAIN_MS = 1_000;
const DIGEST_MODULUS = 2n ** 256n;

/**
 * Reads all entries of both sides, and tells whether they are equal. Memory is bounded by a page of each side, and by
 * what differs.
 * @throws ReplicaError
 */
export async function compareSides(context: MappingContext, signal: AbortSignal): Promise<Comparison> {
  const tally = new SideTally(context);
  const { replicas: sources, scope, clock } = context;
  const includes = (key: EntryKey): boolean => scope.includes(key);
  for await (const chunk of readSideBySide({ sources, includes }, signal)) {
    signal.throwIfAborted();
    for (const { key, readings } of chunk) tally.add(key, readings);
  }
  for (let look = 0; look < LOOKS_AGAIN && tally.mayBeOnTheirWay; look++) {
    await clock.sleep(LOOK_AGAIN_MS, signal);
    signal.throwIfAborted();
    const keys = tally.takeOpen();
    const [left, right] = await Promise.all([
      sources.left.read(keys, signal),
      sources.right.read(keys, signal),
    ]);
    for (const key of keys) {
      tally.add(key, { left: left.get(key) ?? UNREAD, right: right.get(key) ?? UNREAD });
    }
  }
  return tally.result();
}

const UNREAD: Reading = { kind: 'unknown', reason: 'not-read' };

/** Sums up both sides entry by entry, in whatever order. */
class SideTally {
  private readonly sums: Record<Side, bigint> = { left: 0n, right: 0n };
  private readonly open = new Map<EntryKey, Pair<Reading>>();
  private beyond = 0;
  private compared = 0;

  constructor(private readonly context: MappingContext) {}

  add(key: EntryKey, readings: Pair<Reading>): void {
    this.compared++;
    if (this.isLeftOut(readings)) return;
    if (compareReadings(key, readings) === undefined) {
      const entry = SIDES.map((side) => readings[side]).find((one) => isEntry(key, one));
      if (entry !== undefined) for (const side of SIDES) this.sum(side, key, entry);
    } else if (this.open.size < AGAIN_MAX) {
      this.open.set(key, readings);
    } else {
      this.beyond++;
      this.sumBoth(key, readings);
    }
  }

  get mayBeOnTheirWay(): boolean {
    return this.open.size > 0 && this.beyond === 0;
  }

  takeOpen(): EntryKey[] {
    const keys = [...this.open.keys()];
    this.open.clear();
    this.compared -= keys.length;
    return keys;
  }

  result(): Comparison {
    const unknown = [...this.open.values()].filter((one) =>
      SIDES.some((side) => one[side].kind === 'unknown'),
    );
    for (const [key, readings] of this.open) this.sumBoth(key, readings);
    const different = this.open.size - unknown.length + this.beyond;
    const [example] = this.open.keys();
    const digests = { left: this.digest('left'), right: this.digest('right') };
    const count = { compared: this.compared, different };
    if (different > 0) {
      const detail = `${different} of ${this.compared} keys differ, ${JSON.stringify(example)} for one`;
      return { equal: false, by: 'digest', digests, ...count, detail };
    }
    if (unknown.length > 0) {
      const detail = `${unknown.length} entries can't be read, ${JSON.stringify(example)} for one`;
      return { equal: undefined, by: undefined, digests: undefined, ...count, detail };
    }
    return { equal: true, by: 'digest', digests, ...count, detail: undefined };
  }

  private digest(side: Side): string {
    return this.sums[side].toString(16).padStart(64, '0');
  }

  /** What the mapping leaves out by its settings is no difference. */
  private isLeftOut(readings: Pair<Reading>): boolean {
    const { sessionBound, restricted } = this.context.policy;
    return SIDES.some((side) => {
      const reading = readings[side];
      if (restricted === 'skip' && isRestricted(reading)) return true;
      return sessionBound === 'skip' && reading.kind === 'present' && reading.session !== undefined;
    });
  }

  private sumBoth(key: EntryKey, readings: Pair<Reading>): void {
    for (const side of SIDES) {
      const reading = readings[side];
      if (isEntry(key, reading)) this.sum(side, key, reading);
    }
  }

  private sum(side: Side, key: EntryKey, { digest }: PresentReading): void {
    const hash = createHash('sha256')
      .update(JSON.stringify([key, digest]))
      .digest('hex');
    this.sums[side] = (this.sums[side] + BigInt(`0x${hash}`)) % DIGEST_MODULUS;
  }
}

function isEntry(key: EntryKey, reading: Reading): reading is PresentReading {
  return reading.kind === 'present' && !isStructure(key, reading);
}
