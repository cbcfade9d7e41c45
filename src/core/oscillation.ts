import type { OscillationRecord } from './archive-record.js';
import type { Digest } from './observation.js';
import type { Pair, Side } from './pair.js';

/** So many rounds in a row, and the daemon stops taking part. */
export const OSCILLATION_ROUNDS_MAX = 8;

/** After so long without another round, those before are forgotten. */
export const OSCILLATION_QUIET_MS = 10 * 60_000;

/** What each replica holds of an entry now; undefined where it has none. */
type Contents = Pair<Digest | undefined>;

/**
 * Whether somebody undoes what the daemon writes, again and again: another tool that copies between the same stores,
 * or one that enforces a value of its own. Asked before a write; the entry is then held instead.
 */
export function isOscillating(
  record: OscillationRecord | undefined,
  contents: Contents,
  nowMs: number,
): boolean {
  if (record === undefined || !isRound(record, contents)) return false;
  return countRounds(record, contents, nowMs) >= OSCILLATION_ROUNDS_MAX;
}

/**
 * The entry's record once the daemon has replaced its content at `side`. Undefined when there was none to replace, but
 * for one-way mappings: only there is put back what was deleted, so that somebody can delete it again and again.
 * @param contents what was there before that write, at both sides
 */
export function recordReplacement(
  record: OscillationRecord | undefined,
  side: Side,
  contents: Contents,
  nowMs: number,
  isOneWay = false,
): OscillationRecord | undefined {
  const replaced = contents[side];
  if (replaced === undefined && !isOneWay) return undefined;
  const lastAtMs = record === undefined || isRound(record, contents) ? nowMs : record.lastAtMs;
  return { side, replaced, rounds: countRounds(record, contents, nowMs), lastAtMs };
}

function countRounds(record: OscillationRecord | undefined, contents: Contents, nowMs: number): number {
  if (record === undefined) return 0;
  const standing = nowMs - record.lastAtMs < OSCILLATION_QUIET_MS ? record.rounds : 0;
  return isRound(record, contents) ? standing + 1 : standing;
}

/**
 * A round: the side on which the daemon wrote last has its old content back. Only a foreign write there can have done
 * that, so a client that switches a value to and fro on the other side never makes one.
 */
function isRound(record: OscillationRecord, contents: Contents): boolean {
  return contents[record.side] === record.replaced;
}
