import { compareKeys } from '../core/key-order.js';
import type { EntryKey, Reading } from '../core/observation.js';
import type { Pair } from '../core/pair.js';
import type { Replica, ScannedEntry } from '../ports/replica.js';

/** What is walked and read of a store. */
type Source = Pick<Replica, 'scan' | 'read'>;

/** Stands for a side that is not to be looked at: it has nothing. */
export const NO_ENTRIES: Source = {
  async *scan() {
    // Nothing to tell.
  },
  read: (keys) => Promise.resolve(new Map(keys.map((key) => [key, { kind: 'absent' }]))),
};

export interface BothSides {
  readonly sources: Pair<Source>;
  readonly includes: (key: EntryKey) => boolean;
  /** Gives the keys that the walks have come across since it was last called, and could not read. */
  readonly takeUnread?: () => readonly EntryKey[];
}

/** One key, read on both sides at about the same time. */
export interface SeenOnBoth {
  readonly key: EntryKey;
  readonly readings: Pair<Reading>;
  /** A walk could not look at it, or at the names of what is below it. */
  readonly unread: boolean;
}

/** How many keys are read together on both sides. */
const CHUNK_KEYS = 512;
/** Keys beyond this that could not be read are missed, unless the other side has them. */
const UNREAD_MAX = 100_000;

/**
 * Walks both sides next to each other and gives every key that one of them has, read on both sides. The walks only tell
 * which keys there are: nothing is called missing because a list lacked it. In the order of keys, but for those that a
 * walk could not read. Memory is bounded by a page of each walk and a chunk of values.
 * @throws ReplicaError
 */
export async function* readSideBySide(
  { sources, includes, takeUnread = () => [] }: BothSides,
  signal: AbortSignal,
): AsyncGenerator<readonly SeenOnBoth[]> {
  const keys = new MergedKeys(sources, includes, signal);
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
      const wanted = [...chunk.filter((key) => !unread.has(key)), ...skipped];
      const readings = await readChunk(sources, wanted, signal);
      const seen = [...readings].map(([key, both]) => ({ key, readings: both, unread: unread.has(key) }));
      yield seen.sort((a, b) => compareKeys(a.key, b.key));
    }
  } finally {
    await keys.close();
  }
}

const NOT_READ: Reading = { kind: 'unknown', reason: 'not-read' };

async function readChunk(
  sources: Pair<Source>,
  keys: readonly EntryKey[],
  signal: AbortSignal,
): Promise<Map<EntryKey, Pair<Reading>>> {
  const read = new Map<EntryKey, Pair<Reading>>();
  for (let open = keys; open.length > 0;) {
    const [left, right] = await Promise.all([
      sources.left.read(open, signal),
      sources.right.read(open, signal),
    ]);
    const again: EntryKey[] = [];
    for (const key of open) {
      const readings = { left: left.get(key) ?? NOT_READ, right: right.get(key) ?? NOT_READ };
      if (isLeftOut(readings)) again.push(key);
      else read.set(key, readings);
    }
    // Values too large to be read all at once; where not even one was read, asking again would not end.
    if (again.length === open.length) {
      for (const key of again) read.set(key, { left: NOT_READ, right: NOT_READ });
      break;
    }
    open = again;
  }
  return read;
}

function isLeftOut({ left, right }: Pair<Reading>): boolean {
  return [left, right].some((reading) => reading.kind === 'unknown' && reading.reason === 'not-read');
}

/** The keys of both sides, each once, in their order, a chunk at a time. */
class MergedKeys {
  private readonly walks: Pair<Walk>;

  constructor(
    sources: Pair<Source>,
    private readonly includes: (key: EntryKey) => boolean,
    signal: AbortSignal,
  ) {
    this.walks = { left: new Walk(sources.left, signal), right: new Walk(sources.right, signal) };
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

  constructor(source: Source, signal: AbortSignal) {
    this.pages = source.scan(() => undefined, signal)[Symbol.asyncIterator]();
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
