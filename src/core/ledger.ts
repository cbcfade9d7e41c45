import type { CutoverMoves } from './cutover.js';
import { decodeMoves, encodeMoves } from './cutover.js';
import { areKeyPrints, withoutPrints, withPrints } from './key-prints.js';
import type { KeyPrints } from './key-prints.js';
import type { LedgerMirror, MappingHold, MappingState } from './mapping-state.js';
import type { EntryKey } from './observation.js';
import type { Pair, Side } from './pair.js';
import { SIDES } from './pair.js';
import type { Version } from './version.js';
import { sameVersion } from './version.js';

/**
 * The daemon's own small record in each store, one per mapping, written under the condition of its own version as one
 * operation of every batch. Since all operations of a batch share the store's number for it, the ledger's own version
 * and the numbers it lists tell which entries the daemon wrote.
 */
export interface Ledger {
  readonly pairId: string;
  /** Rises with each write of this ledger. No two of its writes that could ever be found have the same. */
  readonly generation: number;
  /** Names the process that wrote it, so that a lost reply of our own can be told from a successor's write. */
  readonly writer: string;
  readonly places: Pair<string>;
  /** Store-wide numbers of the newest batches before this write, rising: above one of them none is missing. */
  readonly recent: readonly bigint[];
  /** An operator stopped the mapping's writes: whoever takes over goes on being stopped. */
  readonly paused: boolean;
  /**
   * The entries that batches have written here last, and have not removed since. Whose copy a client has deleted before another process could see it
   * is known by this alone: on the other side, it looks like new.
   */
  readonly copied: KeyPrints;
  /** The steps of a cutover that operators took: they hold for whoever takes over. Left out where there are none. */
  readonly cutover?: CutoverMoves | undefined;
}

export interface ObservedLedger {
  readonly ledger: Ledger;
  readonly version: Version;
}

/** How many batches back a ledger can prove who wrote an entry. */
export const LEDGER_RECENT_MAX = 64;

const FORMAT = 1;

export function encodeLedger(ledger: Ledger): string {
  return JSON.stringify({
    format: FORMAT,
    pairId: ledger.pairId,
    generation: ledger.generation,
    writer: ledger.writer,
    places: [ledger.places.left, ledger.places.right],
    recent: ledger.recent.map(String),
    ...(ledger.paused && { paused: true }),
    ...(ledger.copied !== '' && { copied: ledger.copied }),
    ...(ledger.cutover !== undefined && { cutover: encodeMoves(ledger.cutover) }),
  });
}

/** @returns undefined when the content is no ledger of this format: the caller treats it as somebody else's. */
export function decodeLedger(content: string): Ledger | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(content);
  } catch {
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  const { format, pairId, generation, writer, places, recent, ...rest } = parsed as Record<string, unknown>;
  if (format !== FORMAT || typeof pairId !== 'string' || typeof writer !== 'string') return undefined;
  if (typeof generation !== 'number' || !Number.isSafeInteger(generation)) return undefined;
  const [left, right] = Array.isArray(places) ? (places as unknown[]) : [];
  if (typeof left !== 'string' || typeof right !== 'string' || !Array.isArray(recent)) return undefined;
  const numbers = recent.filter((n): n is string => typeof n === 'string' && /^\d{1,20}$/.test(n));
  if (numbers.length !== recent.length) return undefined;
  return {
    ...{ pairId, generation, writer },
    places: { left, right },
    recent: numbers.map(BigInt),
    paused: rest['paused'] === true,
    copied: areKeyPrints(rest['copied']) ? rest['copied'] : '',
    ...told(decodeMoves(rest['cutover'])),
  };
}

function told(cutover: CutoverMoves | undefined): Pick<Ledger, 'cutover'> {
  return cutover === undefined ? {} : { cutover };
}

/** The entries that a batch is to create or update, and to remove. */
export interface LedgeredBatch {
  readonly copies: readonly EntryKey[];
  readonly removes: readonly EntryKey[];
}

/**
 * What the next write of a ledger says, after `mirror` (undefined: it is created).
 * @param announced generations of writes that were sent and never heard of again: should one of them still arrive, its
 *   generation tells it from this write
 * @param batch what goes with it
 */
export function nextLedger(
  identity: Pick<Ledger, 'pairId' | 'writer' | 'places' | 'paused' | 'cutover'>,
  mirror: LedgerMirror | undefined,
  announced: readonly number[] = [],
  batch: LedgeredBatch = { copies: [], removes: [] },
): Ledger {
  const isFirst = mirror === undefined || standsForAnotherPair(mirror);
  const recent = isFirst ? [] : withNewest(mirror.recent, mirror.version.modified);
  const generation = Math.max(mirror?.generation ?? 0, ...announced) + 1;
  const before = isFirst ? '' : (mirror.copied ?? '');
  const copied = withPrints(withoutPrints(before, batch.removes), batch.copies);
  return { ...identity, generation, recent, copied };
}

/** What is known of a ledger after it was seen in its store. */
export function mirrorOf(observed: ObservedLedger): LedgerMirror {
  const { ledger, version } = observed;
  const { generation, recent, writer, paused, copied, cutover } = ledger;
  return { version, generation, recent, writer, paused, copied, ...told(cutover) };
}

/** Adds the number of a write that went without the ledger (a single value too large for a batch). */
export function withWrite(mirror: LedgerMirror, modified: bigint): LedgerMirror {
  return { ...mirror, recent: withNewest(mirror.recent, modified) };
}

function withNewest(recent: readonly bigint[], newest: bigint): readonly bigint[] {
  if (recent.includes(newest)) return recent;
  // A write that went without the ledger is noted before the ledger's own, which is older.
  return [...recent, newest].sort((a, b) => (a < b ? -1 : 1)).slice(-LEDGER_RECENT_MAX);
}

/**
 * A ledger of an earlier pair, in whose place a new pair is to put its own. What was written under it proves nothing
 * to the new pair, which starts over because the stores may not be what they were.
 */
export function ledgerToReplace(version: Version): LedgerMirror {
  return { version, generation: 0, recent: [], writer: undefined, paused: false, copied: undefined };
}

function standsForAnotherPair(mirror: LedgerMirror): boolean {
  return mirror.generation === 0;
}

/** How many writes that this archive has not recorded are remembered; of more, the oldest are forgotten. */
const UNRECORDED_MAX = 1_024;

/**
 * Adds to `unrecorded` the daemon's writes that a ledger tells of, and that `known`, the newest recorded state of the
 * same ledger, does not have: their replies were lost, or the process was killed before it recorded them.
 */
export function withUnrecorded(
  unrecorded: readonly bigint[],
  known: LedgerMirror | undefined,
  found: LedgerMirror | undefined,
): readonly bigint[] {
  if (found === undefined || standsForAnotherPair(found)) return unrecorded;
  const numbers = [...found.recent, found.version.modified].filter(
    (number) => !wroteVersion(known, number) && !unrecorded.includes(number),
  );
  return numbers.length === 0 ? unrecorded : [...unrecorded, ...numbers].slice(-UNRECORDED_MAX);
}

/** Whether a store's write number is one of the daemon's own, as far back as the ledger reaches. */
export function wroteVersion(mirror: LedgerMirror | undefined, modified: bigint): boolean {
  if (mirror === undefined || standsForAnotherPair(mirror)) return false;
  return mirror.version.modified === modified || mirror.recent.includes(modified);
}

/** What the ledgers say about whether this archive and these two stores still belong together (S4). */
export type LedgerVerdict =
  /** They do; `mirrors` is what is known now, with writes found whose replies had been lost. */
  | { readonly kind: 'whole'; readonly mirrors: Pair<LedgerMirror | undefined> }
  /** Nothing of this mapping exists anywhere yet: it may be paired. */
  | { readonly kind: 'unpaired' }
  | { readonly kind: 'hold'; readonly hold: Omit<MappingHold, 'sinceMs'> };

/**
 * @param observed the ledgers just read; `unused` for a side that the daemon may not write, which goes without.
 *   `foreign` is content that is no ledger of ours.
 */
export function judgeLedgers(
  state: Pick<MappingState, 'pairId' | 'phase' | 'ledgers'> | undefined,
  observed: Pair<ObservedLedger | 'foreign' | 'unused' | undefined>,
): LedgerVerdict {
  if (state === undefined) return judgeWithoutArchive(observed);
  const mirrors: { left: LedgerMirror | undefined; right: LedgerMirror | undefined } = { ...state.ledgers };
  for (const side of SIDES) {
    const verdict = judgeSide(state, observed[side], side);
    if (verdict.kind === 'hold') return verdict;
    mirrors[side] = verdict.mirror;
  }
  return { kind: 'whole', mirrors };
}

function judgeWithoutArchive(
  observed: Pair<ObservedLedger | 'foreign' | 'unused' | undefined>,
): LedgerVerdict {
  for (const side of SIDES) {
    const found = observed[side];
    if (found === undefined || found === 'unused') continue;
    const detail =
      found === 'foreign'
        ? 'a ledger that can not be read stands in the store, but there is no archive for this mapping'
        : `a ledger for ${found.ledger.places.left} and ${found.ledger.places.right} stands in the store, ` +
          'but there is no archive for this mapping: it was lost, or a path was edited';
    return { kind: 'hold', hold: { reason: 'archive-lost', detail, side } };
  }
  return { kind: 'unpaired' };
}

type SideVerdict =
  | { readonly kind: 'whole'; readonly mirror: LedgerMirror | undefined }
  | { readonly kind: 'hold'; readonly hold: Omit<MappingHold, 'sinceMs'> };

function judgeSide(
  state: Pick<MappingState, 'pairId' | 'phase' | 'ledgers'>,
  found: ObservedLedger | 'foreign' | 'unused' | undefined,
  side: Side,
): SideVerdict {
  const mirror = state.ledgers[side];
  if (found === 'unused') return { kind: 'whole', mirror };
  if (found === undefined) {
    // This pair never had one here: pairing stopped half way, or the daemon may write this side only now.
    if (mirror === undefined || standsForAnotherPair(mirror)) return { kind: 'whole', mirror: undefined };
    return hold(
      'identity-changed',
      side,
      'the ledger is missing: the store was wiped, replaced or mispointed',
    );
  }
  if (state.phase === 'pairing' && found !== 'foreign' && isToBeReplaced(found, mirror)) {
    return { kind: 'whole', mirror };
  }
  if (found === 'foreign' || found.ledger.pairId !== state.pairId) {
    return hold('identity-changed', side, 'the ledger is not the one this archive was paired with');
  }
  if (mirror !== undefined && isOfAnotherPast(found, mirror)) {
    return hold(
      'rolled-back',
      side,
      `the ledger is at generation ${found.ledger.generation} and version ${found.version.modified}, but had been ` +
        `at ${mirror.generation} and ${mirror.version.modified}: the store was restored from a backup`,
    );
  }
  // The mirror of the same ledger may know more: writes that went without it.
  const isKnown = mirror !== undefined && sameVersion(found.version, mirror.version);
  return { kind: 'whole', mirror: isKnown ? mirror : mirrorOf(found) };
}

/** A ledger of an earlier pair that an operator's word let this pair replace, and that has not been replaced yet. */
function isToBeReplaced(found: ObservedLedger, mirror: LedgerMirror | undefined): boolean {
  return mirror !== undefined && standsForAnotherPair(mirror) && sameVersion(found.version, mirror.version);
}

/** Below what was known, or the same generation written a second time: it went back, and on from there. */
function isOfAnotherPast({ ledger, version }: ObservedLedger, mirror: LedgerMirror): boolean {
  if (ledger.generation < mirror.generation || version.modified < mirror.version.modified) return true;
  return ledger.generation === mirror.generation && !sameVersion(version, mirror.version);
}

function hold(reason: MappingHold['reason'], side: Side, detail: string): SideVerdict & { kind: 'hold' } {
  return { kind: 'hold', hold: { reason, side, detail } };
}

/** Whether two mapped places on one side hold common entries: equal, or one inside the other. Both end in `/`. */
export function placesOverlap(a: string, b: string): boolean {
  return a.startsWith(b) || b.startsWith(a);
}
