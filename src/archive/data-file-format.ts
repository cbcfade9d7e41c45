/**
 * The layout of LMDB's data file, as far as a check of it goes: data version 2 on a 64-bit little-endian machine
 * (`MDB_meta`, `MDB_db`, `MDB_page`, `MDB_node` and `MDB_ovpage` in liblmdb's `mdb.c`).
 */

/** Something in the file is not as LMDB would have left it. The message says what. */
export class Damage extends Error {}

export interface Meta {
  /** The number of the transaction that wrote it. */
  readonly transaction: number;
  /** The highest page number ever used. The file may be shorter, where the last pages are free ones. */
  readonly lastPage: number;
  readonly freePages: Tree;
  readonly records: Tree;
}

export interface Tree {
  /** Undefined when the tree is empty. */
  readonly root: number | undefined;
  readonly depth: number;
  readonly branchPages: number;
  readonly leafPages: number;
  readonly overflowPages: number;
  readonly entries: number;
}

const PAGE_HEADER_BYTES = 24;
const NODE_HEADER_BYTES = 8;
/** Nodes begin at even positions. */
const NODE_BYTES_MIN = 8;

const MAGIC = 0xbeefc0de;
const DATA_VERSION = 2;

const PAGE_FLAGS = { branch: 0x01, leaf: 0x02, overflow: 0x04, meta: 0x08 } as const;
export type PageKind = keyof typeof PAGE_FLAGS;

/** On a tree: its keys are numbers of this machine. The other flags belong to features that are not used here. */
const INTEGER_KEYS = 0x08;

/** On a node: the value is on overflow pages. The other flags are not used here either. */
const BIG_VALUE = 0x01;

/** @throws Damage */
export function readMeta(page: Buffer, pageNumber: number, pageBytes: number): Meta {
  checkPage(page, pageNumber, 'meta');
  const at = PAGE_HEADER_BYTES;
  if (page.readUInt32LE(at) !== MAGIC) throw new Damage(`meta page ${pageNumber} is not LMDB's`);
  const version = page.readUInt32LE(at + 4) & 0xffff;
  if (version !== DATA_VERSION)
    throw new Damage(`it has LMDB's data version ${version}, not ${DATA_VERSION}`);
  // Stored where the free tree has its (unused) key size.
  const stored = page.readUInt32LE(at + 24);
  if (stored !== pageBytes) throw new Damage(`it has pages of ${stored} bytes, not ${pageBytes}`);
  return {
    freePages: readTree(page, at + 24, INTEGER_KEYS),
    records: readTree(page, at + 72, 0),
    lastPage: readNumber(page, at + 120),
    transaction: readNumber(page, at + 128),
  };
}

function readTree(page: Buffer, at: number, flags: number): Tree {
  if (page.readUInt16LE(at + 4) !== flags) throw new Damage('it is an LMDB file of another kind');
  const hasRoot = page.readBigUInt64LE(at + 40) !== 0xffff_ffff_ffff_ffffn;
  return {
    depth: page.readUInt16LE(at + 6),
    branchPages: readNumber(page, at + 8),
    leafPages: readNumber(page, at + 16),
    overflowPages: readNumber(page, at + 24),
    entries: readNumber(page, at + 32),
    root: hasRoot ? readNumber(page, at + 40) : undefined,
  };
}

/** Every page but the second and later ones of an overflow tells its number and kind. @throws Damage */
export function checkPage(page: Buffer, pageNumber: number, kind: PageKind): void {
  const [number, flags] = [readNumber(page, 0), page.readUInt16LE(18)];
  if (number === pageNumber && flags === PAGE_FLAGS[kind]) return;
  throw new Damage(`page ${pageNumber} is not the ${kind} page it should be`);
}

/** The transaction that wrote a page. */
export function transactionOf(page: Buffer): number {
  return readNumber(page, 8);
}

export function overflowPagesOf(page: Buffer): number {
  return page.readUInt32LE(20);
}

/** The value at the beginning of overflow pages. */
export function overflowValue(pages: Buffer, valueBytes: number): Buffer {
  return pages.subarray(PAGE_HEADER_BYTES, PAGE_HEADER_BYTES + valueBytes);
}

export function overflowPagesFor(valueBytes: number, pageBytes: number): number {
  return Math.ceil((PAGE_HEADER_BYTES + valueBytes) / pageBytes);
}

/** The positions of the nodes on a branch or leaf page, in the order of their keys. @throws Damage */
export function nodesOf(page: Buffer, pageNumber: number): number[] {
  // Both are counted from the end of the header.
  const [lower, upper] = [page.readUInt16LE(20), page.readUInt16LE(22)];
  const room = page.length - PAGE_HEADER_BYTES;
  if (lower > upper || upper > room || lower % 2 !== 0)
    throw new Damage(`page ${pageNumber} has a wrong header`);
  const nodes: number[] = [];
  for (let at = 0; at < lower; at += 2) {
    const offset = page.readUInt16LE(PAGE_HEADER_BYTES + at);
    const isInside = offset >= upper && offset + NODE_BYTES_MIN <= room;
    if (!isInside) throw new Damage(`page ${pageNumber} has a node outside of its bounds`);
    nodes.push(PAGE_HEADER_BYTES + offset);
  }
  return nodes;
}

/** @throws Damage */
export function keyAt(page: Buffer, pageNumber: number, node: number): Buffer {
  const length = page.readUInt16LE(node + 6);
  return slice(page, pageNumber, node + NODE_HEADER_BYTES, length);
}

/** The page below a node of a branch page. */
export function childAt(page: Buffer, node: number): number {
  return page.readUInt32LE(node) + page.readUInt16LE(node + 4) * 2 ** 32;
}

export type LeafValue =
  | { readonly kind: 'inline'; readonly value: Buffer }
  | { readonly kind: 'overflow'; readonly page: number; readonly pages: number; readonly valueBytes: number };

/** The value of a node of a leaf page. @throws Damage */
export function valueAt(page: Buffer, pageNumber: number, node: number): LeafValue {
  const valueBytes = page.readUInt32LE(node);
  const flags = page.readUInt16LE(node + 4);
  const at = node + NODE_HEADER_BYTES + page.readUInt16LE(node + 6);
  if (flags === 0) return { kind: 'inline', value: slice(page, pageNumber, at, valueBytes) };
  if (flags !== BIG_VALUE) throw new Damage(`page ${pageNumber} has a node of an unknown kind`);
  const reference = slice(page, pageNumber, at, 24);
  return { kind: 'overflow', page: readNumber(reference, 0), pages: readNumber(reference, 16), valueBytes };
}

/** The page numbers in a record of the tree of free pages: single ones, and runs of pages with their length in front. */
export function freePagesIn(value: Buffer): { first: number; pages: number }[] {
  const length = value.length < 8 ? 0 : readNumber(value, 0);
  if (value.length < 8 * (1 + length)) throw new Damage('a list of free pages is cut off');
  const runs: { first: number; pages: number }[] = [];
  let pages = 1;
  for (let i = 1; i <= length; i++) {
    const entry = Number(value.readBigInt64LE(8 * i));
    if (entry > 0) runs.push({ first: entry, pages });
    pages = entry < 0 ? -entry : 1;
  }
  return runs;
}

function slice(page: Buffer, pageNumber: number, start: number, length: number): Buffer {
  if (start + length > page.length) throw new Damage(`page ${pageNumber} has a node outside of its bounds`);
  return page.subarray(start, start + length);
}

/** Nothing in the file gets near 2^53. A number that does is damage, which shows in what it is used for. */
function readNumber(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 2 ** 32;
}
