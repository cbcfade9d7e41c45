import { isStructure } from '../core/classify.js';
import { compareKeys } from '../core/key-order.js';
import type { EntryKey, PresentReading, Reading, UnknownReason } from '../core/observation.js';
import type { Pair, Side } from '../core/pair.js';
import type { Replica, ScannedEntry } from '../ports/replica.js';

/** One entry on which the two sides are not known to be equal. */
export type Difference = { readonly key: EntryKey } & (
  | { readonly kind: 'only'; readonly on: Side; readonly bytes: number; readonly session: SessionSide }
  | { readonly kind: 'content'; readonly bytes: Pair<number>; readonly session: SessionSide }
  /** One side would not show it: nothing can be said. */
  | { readonly kind: 'unknown'; readonly on: Side; readonly reason: UnknownReason }
);

/** Where a session owns the entry; undefined for an ordinary one. */
export type SessionSide = Side | 'both' | undefined;

export interface DiffOptions {
  readonly replicas: Pair<Replica>;
  readonly includes: (key: EntryKey) => boolean;
  /** Told of each difference, in the order of keys but for those that could not be read. */
  readonly report: (difference: Difference) => void;
  /** Told now and then how many keys were compared. */
  readonly progress?: (compared: number) => void;
  /** Gives the keys that the walks have come across since it was last called, and could not read. */
  readonly takeUnread?: () => readonly EntryKey[];
}

export interface DiffCounts {
  /** Keys that at least one side had; those of structure among them. */
  readonly compared: number;
  readonly onlyLeft: number;
  readonly onlyRight: number;
  readonly content: number;
  readonly unknown: number;
  /** Differences of entries that a session owns; they are in none of the other counts. */
  readonly sessionBound: number;
}

/** How many keys are read together on both sides. */
const CHUNK_KEYS = 512;
/** Keys beyond this that could not be read are missed, unless the other side has them. */
const UNREAD_MAX = 100_000;

/**
 * Compares both sides as they are now, whatever was agreed before. Inner nodes without data agree with absence, and
 * folder markers are nobody's entries.
 *
 * Two walks side by side only tell which keys there are. What is said of each comes from reading it on both sides, so
 * that nothing is called missing because a list lacked it. Memory is bounded by a page of each walk and a chunk of
 * values.
 */
export async function diffMapping(options: DiffOptions, signal: AbortSignal): Promise<DiffCounts> {
  const { replicas, includes, report, takeUnread = () => [] } = options;
  const keys = new MergedKeys(replicas, includes, signal);
  const counts = { compared: 0, onlyLeft: 0, onlyRight: 0, content: 0, unknown: 0, sessionBound: 0 };
  /** What one walk could not read, the other may still come across. */
  const unread = new Set<EntryKey>();
  try {
    for (let hasMore = true; hasMore;) {
      const chunk = await keys.next();
      hasMore = chunk.length > 0;
      const skipped = [...new Set(takeUnread())].filter(
        (key) => includes(key) && unread.size < UNREAD_MAX && !unread.has(key),
      );
      for (const key of skipped) unread.add(key);
      const compared = [...chunk.filter((key) => !unread.has(key)), ...skipped];
      for (const difference of await compareChunk(replicas, compared, unread, signal)) {
        counts[countOf(difference)]++;
        report(difference);
      }
      counts.compared += compared.length;
      options.progress?.(counts.compared);
    }
    return counts;
  } finally {
    await keys.close();
  }
}

function countOf(difference: Difference): Exclude<keyof DiffCounts, 'compared'> {
  if (difference.kind === 'unknown') return 'unknown';
  if (difference.session !== undefined) return 'sessionBound';
  if (difference.kind === 'content') return 'content';
  return difference.on === 'left' ? 'onlyLeft' : 'onlyRight';
}

/** What two readings of one entry say, taken at about the same time; undefined when the sides agree. */
export function compareReadings(key: EntryKey, readings: Pair<Reading>): Difference | undefined {
  const { left, right } = readings;
  if (left.kind === 'unknown') return { key, kind: 'unknown', on: 'left', reason: left.reason };
  if (right.kind === 'unknown') return { key, kind: 'unknown', on: 'right', reason: right.reason };
  if (left.kind === 'present' && right.kind === 'present') {
    if (left.digest === right.digest) return undefined;
    const bytes = { left: left.value.length, right: right.value.length };
    return { key, kind: 'content', bytes, session: sessionSide(left, right) };
  }
  if (left.kind === 'present') return onlyOn('left', key, left);
  return right.kind === 'present' ? onlyOn('right', key, right) : undefined;
}

function onlyOn(on: Side, key: EntryKey, reading: PresentReading): Difference | undefined {
  if (isStructure(key, reading)) return undefined;
  const session = reading.session === undefined ? undefined : on;
  return { key, kind: 'only', on, bytes: reading.value.length, session };
}

function sessionSide(left: PresentReading, right: PresentReading): SessionSide {
  if (left.session !== undefined) return right.session !== undefined ? 'both' : 'left';
  return right.session !== undefined ? 'right' : undefined;
}

/** An entry that may be read, but not the names of its children: what is below it was not walked. */
function hiddenBelow(key: EntryKey, { left, right }: Pair<Reading>): Difference | undefined {
  const hidden = { key, kind: 'unknown', reason: 'denied' } as const;
  if (left.kind === 'present' && left.children > 0) return { ...hidden, on: 'left' };
  return right.kind === 'present' && right.children > 0 ? { ...hidden, on: 'right' } : undefined;
}

async function compareChunk(
  replicas: Pair<Replica>,
  keys: readonly EntryKey[],
  unread: ReadonlySet<EntryKey>,
  signal: AbortSignal,
): Promise<Difference[]> {
  const differences: Difference[] = [];
  for (let open = keys; open.length > 0;) {
    const [left, right] = await Promise.all([
      replicas.left.read(open, signal),
      replicas.right.read(open, signal),
    ]);
    const again: EntryKey[] = [];
    for (const key of open) {
      const readings = { left: left.get(key) ?? NOT_READ, right: right.get(key) ?? NOT_READ };
      const hidden = unread.has(key) ? hiddenBelow(key, readings) : undefined;
      if (isLeftOut(readings)) again.push(key);
      else differences.push(...listOf(hidden ?? compareReadings(key, readings)));
    }
    // Values too large to be read all at once; where not even one was read, asking again would not end.
    if (again.length === open.length) {
      differences.push(
        ...again.map((key) => ({ key, kind: 'unknown', on: 'left', reason: 'not-read' }) as const),
      );
      break;
    }
    open = again;
  }
  return differences.sort((a, b) => compareKeys(a.key, b.key));
}

const NOT_READ: Reading = { kind: 'unknown', reason: 'not-read' };

function isLeftOut({ left, right }: Pair<Reading>): boolean {
  return [left, right].some((reading) => reading.kind === 'unknown' && reading.reason === 'not-read');
}

function listOf<T>(value: T | undefined): T[] {
  return value === undefined ? [] : [value];
}

/** The keys of both sides, each once, in their order, a chunk at a time. */
class MergedKeys {
  private readonly walks: Pair<Walk>;

  constructor(
    replicas: Pair<Replica>,
    private readonly includes: (key: EntryKey) => boolean,
    signal: AbortSignal,
  ) {
    this.walks = { left: new Walk(replicas.left, signal), right: new Walk(replicas.right, signal) };
  }

  /** Empty when both walks have ended. */
  async next(): Promise<EntryKey[]> {
    const { left, right } = this.walks;
    const chunk: EntryKey[] = [];
    while (chunk.length < CHUNK_KEYS) {
      if (left.needsPage || right.needsPage) await Promise.all([left.load(), right.load()]);
      const key = earlier(left.key, right.key);
      if (key === undefined) break;
      if (left.key === key) left.advance();
      if (right.key === key) right.advance();
      if (this.includes(key)) chunk.push(key);
    }
    return chunk;
  }

  async close(): Promise<void> {
    await Promise.all([this.walks.left.close(), this.walks.right.close()]);
  }
}

function earlier(left: EntryKey | undefined, right: EntryKey | undefined): EntryKey | undefined {
  if (left === undefined || right === undefined) return left ?? right;
  return compareKeys(left, right) <= 0 ? left : right;
}

/** A walk over one side, looked at one entry after the other. */
class Walk {
  private readonly pages: AsyncIterator<readonly ScannedEntry[]>;
  private page: readonly ScannedEntry[] = [];
  private index = 0;
  private hasEnded = false;

  constructor(replica: Replica, signal: AbortSignal) {
    this.pages = replica.scan(() => undefined, signal)[Symbol.asyncIterator]();
  }

  /** The next entry's key; undefined at the end, and where a page has to be loaded first. */
  get key(): EntryKey | undefined {
    return this.page[this.index]?.key;
  }

  get needsPage(): boolean {
    return this.index >= this.page.length && !this.hasEnded;
  }

  advance(): void {
    this.index++;
  }

  async load(): Promise<void> {
    while (this.needsPage) {
      const next = await this.pages.next();
      this.hasEnded = next.done === true;
      this.page = next.done === true ? [] : next.value;
      this.index = 0;
    }
  }

  async close(): Promise<void> {
    if (!this.hasEnded) await this.pages.return?.();
  }
}
