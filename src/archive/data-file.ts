import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { damagedError, ioError } from './archive-errors.js';
import {
  Damage,
  checkPage,
  childAt,
  freePagesIn,
  keyAt,
  nodesOf,
  overflowPagesFor,
  overflowPagesOf,
  overflowValue,
  readMeta,
  transactionOf,
  valueAt,
} from './data-file-format.js';
import type { LeafValue, Meta, PageKind, Tree } from './data-file-format.js';
import { unsealValue } from './sealed-value.js';

/**
 * Checks a data file before LMDB is let near it. LMDB maps the file into memory and believes what it finds there: a
 * file that is cut off ends the process with SIGBUS, a damaged page with SIGSEGV or a failed assertion, and a zeroed
 * meta page silently takes the archive back by one commit.
 *
 * The check walks both trees (the records, and the lists of free pages) from the newest meta page: every page is inside
 * the file, is the one it should be, is used once, has its nodes inside and its keys in order; the numbers of pages and
 * records are those in the meta page; every record has its checksum, but for large values, which are checked when
 * they are read.
 */

export interface DataFileReport {
  readonly records: number;
  readonly pages: number;
  readonly freePages: number;
  /** Pages that are neither used nor listed as free. They only take room. */
  readonly lostPages: number;
}

const DEPTH_MAX = 30;
/** The event loop turns after about this many pages. */
const PAGES_AT_ONCE = 256;

/** @throws SyncError `ARCHIVE_DAMAGED` */
export async function checkDataFile(path: string, pageBytes: number): Promise<DataFileReport> {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    const check = new DataFileCheck(file, pageBytes);
    for (const page of check.run()) if (page % PAGES_AT_ONCE === 0) await setImmediate();
    return check.report();
  } catch (cause) {
    if (cause instanceof Damage) throw damagedError(path, cause.message, cause);
    throw ioError(path, 'read the data file', cause);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** In what the two trees differ. */
interface TreeRules {
  readonly compareKeys: (a: Buffer, b: Buffer) => number;
  /** LMDB aborts the process when it finds a branch page with fewer. */
  readonly branchNodesMin: number;
  /** Values on more pages are left for when they are asked for. */
  readonly readPagesMax: number;
  /** Throws when a record can't be right. */
  readonly checkRecord: (key: Buffer, value: Buffer) => void;
}

/** The keys that may be below a page: from `from` on, and below `to`. */
interface Bounds {
  readonly from: Buffer | undefined;
  readonly to: Buffer | undefined;
}

class DataFileCheck {
  private readonly filePages: number;
  private readonly meta: Meta;
  /** One for each page: whether it was come across. */
  private readonly seen: Uint8Array;
  private freePages = 0;

  constructor(
    private readonly file: number,
    private readonly pageBytes: number,
  ) {
    this.filePages = Math.floor(fstatSync(file).size / pageBytes);
    this.meta = this.newestMeta();
    const { lastPage } = this.meta;
    // What is free at the end need not be in the file. Far more than that can't be.
    if (lastPage < 1 || lastPage > 2 * this.filePages + 1_000_000)
      throw new Damage('the meta page has a wrong size');
    this.seen = new Uint8Array(lastPage + 1);
    this.seen[0] = this.seen[1] = 1;
  }

  /** Yields the number of each page of the trees, for the caller to let others run. @throws Damage */
  *run(): Generator<number> {
    const { records, freePages } = this.meta;
    yield* this.checkTree(records, {
      compareKeys: (a, b) => a.compare(b),
      branchNodesMin: 2,
      // Of the journal's larger values there may be a gigabyte.
      readPagesMax: 8,
      checkRecord: checkSeal,
    });
    yield* this.checkTree(freePages, {
      compareKeys: compareNumbers,
      branchNodesMin: 1,
      readPagesMax: Infinity,
      checkRecord: (_, value) => {
        for (const { first, pages } of freePagesIn(value)) this.claimFree(first, pages);
      },
    });
  }

  report(): DataFileReport {
    const pages = this.seen.length;
    const lostPages = this.seen.reduce((lost, isSeen) => lost + (isSeen === 0 ? 1 : 0), 0);
    return { records: this.meta.records.entries, pages, freePages: this.freePages, lostPages };
  }

  /** Transactions write the two meta pages in turn, so that one is always whole and right behind the other. */
  private newestMeta(): Meta {
    const [a, b] = [0, 1].map((number) => readMeta(this.readPages(number, 1), number, this.pageBytes));
    if (a === undefined || b === undefined) throw new Damage('it has no meta pages');
    const isInTurn = a.transaction % 2 === 0 && Math.abs(a.transaction - b.transaction) === 1;
    const isNew = a.transaction === 0 && b.transaction === 0;
    if (!isInTurn && !isNew) throw new Damage('its two meta pages do not belong together');
    return a.transaction > b.transaction ? a : b;
  }

  private *checkTree(tree: Tree, rules: TreeRules): Generator<number> {
    const walk = new TreeWalk(this, rules);
    if (tree.root !== undefined) yield* walk.page(tree.root, tree.depth, { from: undefined, to: undefined });
    const found = walk.found;
    const isAsCounted =
      found.branchPages === tree.branchPages &&
      found.leafPages === tree.leafPages &&
      found.overflowPages === tree.overflowPages &&
      found.entries === tree.entries;
    if (!isAsCounted) throw new Damage('it has not as many pages and records as its meta page says');
  }

  /** A page of a tree, which is nowhere else in any tree. */
  pageOf(number: number, kind: PageKind): Buffer {
    this.claim(number, 1);
    const page = this.readPages(number, 1);
    checkPage(page, number, kind);
    if (transactionOf(page) > this.meta.transaction)
      throw new Damage(`page ${number} is newer than the meta page`);
    return page;
  }

  /** The value on overflow pages; undefined when it is on more than `readPagesMax`, and only they were looked at. */
  overflowOf(reference: LeafValue & { kind: 'overflow' }, readPagesMax: number): Buffer | undefined {
    const { page: number, pages, valueBytes } = reference;
    const first = this.pageOf(number, 'overflow');
    const isAsLong =
      pages === overflowPagesFor(valueBytes, this.pageBytes) && pages === overflowPagesOf(first);
    if (!isAsLong) throw new Damage(`the value at page ${number} is not as long as it should be`);
    this.claim(number + 1, pages - 1);
    if (pages > readPagesMax) return undefined;
    return overflowValue(this.readPages(number, pages), valueBytes);
  }

  private claimFree(first: number, pages: number): void {
    this.freePages += pages;
    for (let number = first; number < first + pages; number++) {
      if (this.seen[number] !== 0) throw new Damage(`page ${number} is listed as free, and is not`);
      this.seen[number] = 1;
    }
  }

  private claim(first: number, pages: number): void {
    if (first + pages > this.filePages) throw new Damage(`it is cut off: it lacks page ${first + pages - 1}`);
    for (let number = first; number < first + pages; number++) {
      if (this.seen[number] !== 0) throw new Damage(`page ${number} is used twice`);
      this.seen[number] = 1;
    }
  }

  private readPages(first: number, pages: number): Buffer {
    const buffer = Buffer.allocUnsafe(pages * this.pageBytes);
    const length = readSync(this.file, buffer, 0, buffer.length, first * this.pageBytes);
    if (length < buffer.length) throw new Damage(`it is cut off: it lacks page ${first + pages - 1}`);
    return buffer;
  }
}

class TreeWalk {
  readonly found = { branchPages: 0, leafPages: 0, overflowPages: 0, entries: 0 };

  constructor(
    private readonly check: DataFileCheck,
    private readonly rules: TreeRules,
  ) {}

  /** @param depth how many levels there are, this page's included */
  *page(number: number, depth: number, bounds: Bounds): Generator<number> {
    if (depth < 1 || depth > DEPTH_MAX) throw new Damage('a tree is not as deep as its meta page says');
    if (depth === 1) this.leaf(number, bounds);
    else yield* this.branch(number, depth, bounds);
    yield number;
  }

  private *branch(number: number, depth: number, bounds: Bounds): Generator<number> {
    const page = this.check.pageOf(number, 'branch');
    const nodes = nodesOf(page, number);
    if (nodes.length < this.rules.branchNodesMin) throw new Damage(`page ${number} has too few nodes`);
    this.found.branchPages++;
    // The first node has no key: what is below it begins where the page does.
    const keys = nodes.map((node, i) => (i === 0 ? bounds.from : keyAt(page, number, node)));
    this.checkOrder(number, keys.slice(1), bounds);
    for (const [i, node] of nodes.entries()) {
      yield* this.page(childAt(page, node), depth - 1, { from: keys[i], to: keys[i + 1] ?? bounds.to });
    }
  }

  private leaf(number: number, bounds: Bounds): void {
    const page = this.check.pageOf(number, 'leaf');
    const nodes = nodesOf(page, number);
    if (nodes.length === 0) throw new Damage(`page ${number} has no nodes`);
    this.found.leafPages++;
    this.found.entries += nodes.length;
    const keys = nodes.map((node) => keyAt(page, number, node));
    this.checkOrder(number, keys, bounds);
    for (const [i, node] of nodes.entries()) this.value(keys[i] ?? page, valueAt(page, number, node));
  }

  private value(key: Buffer, found: LeafValue): void {
    if (found.kind === 'overflow') this.found.overflowPages += found.pages;
    const value =
      found.kind === 'inline' ? found.value : this.check.overflowOf(found, this.rules.readPagesMax);
    if (value !== undefined) this.rules.checkRecord(key, value);
  }

  private checkOrder(number: number, keys: readonly (Buffer | undefined)[], { from, to }: Bounds): void {
    let previous = from;
    for (const [i, key] of keys.entries()) {
      if (key === undefined) continue;
      const order = previous === undefined ? 1 : this.rules.compareKeys(key, previous);
      const isInOrder = order > 0 || (order === 0 && i === 0);
      if (!isInOrder || (to !== undefined && this.rules.compareKeys(key, to) >= 0)) {
        throw new Damage(`page ${number} has its keys out of order`);
      }
      previous = key;
    }
  }
}

function checkSeal(key: Buffer, sealed: Buffer): void {
  if (unsealValue(key, sealed) === undefined)
    throw new Damage(`the checksum of the record at ${key.toString('hex', 0, 40)} is wrong`);
}

/** The tree of free pages is keyed by the numbers of the transactions that freed them. */
function compareNumbers(a: Buffer, b: Buffer): number {
  if (a.length !== 8 || b.length !== 8) throw new Damage('a list of free pages has a wrong key');
  return Number(a.readBigUInt64LE() - b.readBigUInt64LE());
}
