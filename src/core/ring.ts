import type { Digest } from './observation.js';

/**
 * Notices when the daemon has become a part of a ring: another program carries what it writes back to where it came
 * from, late, so that old contents come round again and again.
 *
 * From one moment to the next that looks like a client who switches a value to and fro. Only doing nothing tells them
 * apart: when contents come round too often, the next one is withheld. A ring then brings the standing content back by
 * itself and falls silent, since there is nothing new to carry. A client goes on switching.
 *
 * All times are monotonic.
 */
export interface RingTrail {
  /** What the daemon wrote here lately, oldest first; bounded in number and time. */
  readonly written: readonly WrittenContent[];
  /** How many of these writes brought back a content that was here before. */
  readonly recurrences: number;
  /** So many recurrences call for a test; more each time that a client was found behind them. */
  readonly patience: number;
  /** The longest time from a write to its recurrence. */
  readonly lagMs: number;
  readonly test: RingTest | undefined;
  /** How often somebody took back what was withheld, and nobody turned out to be a client. */
  readonly undone: number;
  /** How often somebody restored, on this side, what the daemon had replaced here. */
  readonly restored: number;
}

export interface WrittenContent {
  readonly content: Content;
  readonly atMs: number;
}

/** Undefined for no entry. */
type Content = Digest | undefined;

export interface RingTest {
  /** Since when a write is withheld; undefined while none is. */
  readonly withheldMs: number | undefined;
  /** Since when both sides are equal without a write of the daemon; undefined once it wrote again. */
  readonly inStepMs: number | undefined;
}

export type RingVerdict = 'write' | 'withhold' | 'ring';

export const RING_RECURRENCES_MAX = 8;
export const RING_RESTORED_MAX = 8;
export const RING_UNDONE_MAX = 3;
/** A content that comes round later than this is taken for a client's. */
export const RING_LAG_MAX_MS = 30_000;
export const RING_WRITTEN_MAX = 64;
const QUIET_MS = 10 * 60_000;
const WITHHOLD_MIN_MS = 2_000;
const SILENCE_MIN_MS = 5_000;
const PATIENCE_FACTOR = 4;

export const NO_TRAIL: RingTrail = {
  written: [],
  recurrences: 0,
  patience: RING_RECURRENCES_MAX,
  lagMs: 0,
  test: undefined,
  undone: 0,
  restored: 0,
};

/** Judges a write that is to replace `standing` by `content`. */
export function judgeRecurrence(
  trail: RingTrail,
  standing: Content,
  content: Content,
  nowMs: number,
): { readonly trail: RingTrail; readonly verdict: RingVerdict } {
  const { test } = trail;
  if (recurrenceOf(trail, standing, content, nowMs) === undefined) return { trail, verdict: 'write' };
  if (test === undefined) {
    const limit = trail.undone > 0 ? 1 : trail.patience;
    return trail.recurrences < limit ? { trail, verdict: 'write' } : withholding(trail, nowMs);
  }
  // The daemon had fallen silent, and still a content came round: nobody needs it for that.
  if (test.inStepMs !== undefined) return { trail: trusting(trail), verdict: 'write' };
  if (test.withheldMs === undefined) return withholding(trail, nowMs);
  if (nowMs - test.withheldMs < Math.max(WITHHOLD_MIN_MS, 2 * trail.lagMs))
    return { trail, verdict: 'withhold' };
  // Nobody took it back.
  return { trail: { ...trail, test: undefined, recurrences: 0 }, verdict: 'write' };
}

function withholding(trail: RingTrail, nowMs: number): { trail: RingTrail; verdict: 'withhold' } {
  return { trail: { ...trail, test: { withheldMs: nowMs, inStepMs: undefined } }, verdict: 'withhold' };
}

function trusting(trail: RingTrail): RingTrail {
  const patience = trail.patience * PATIENCE_FACTOR;
  return { ...trail, patience, recurrences: 0, undone: 0, test: undefined };
}

/** Whether a foreign write on this side, with `content`, would complete a row of restorations of what was replaced. */
export function isRestored(trail: RingTrail, content: Content, nowMs: number): boolean {
  const replaced = recentOf(trail, nowMs).slice(0, -1);
  return replaced.some((written) => written.content === content);
}

/** The daemon has replaced `standing` by `content`. */
export function noteWritten(trail: RingTrail, standing: Content, content: Content, nowMs: number): RingTrail {
  const recent = recentOf(trail, nowMs);
  const recurred = recurrenceOf(trail, standing, content, nowMs);
  const written = [...recent, { content, atMs: nowMs }].slice(-RING_WRITTEN_MAX);
  const isQuiet = nowMs - (trail.written.at(-1)?.atMs ?? -Infinity) > QUIET_MS;
  if (recent.length === 0) {
    const { patience, undone } = trail;
    return { ...NO_TRAIL, patience, undone: isQuiet ? 0 : undone, written };
  }
  return {
    ...trail,
    written,
    recurrences: trail.recurrences + (recurred === undefined ? 0 : 1),
    lagMs: Math.max(trail.lagMs, recurred === undefined ? 0 : nowMs - recurred.atMs),
    test: trail.test && { withheldMs: undefined, inStepMs: undefined },
  };
}

/** Both sides were found equal, without a write of the daemon. */
export function noteInStep(
  trail: RingTrail,
  nowMs: number,
): { readonly trail: RingTrail; readonly verdict: 'in-step' | 'silent-yet' | 'ring' } {
  const { test } = trail;
  if (test === undefined) return { trail, verdict: 'in-step' };
  if (test.inStepMs !== undefined) {
    const silenceMs = Math.max(SILENCE_MIN_MS, 2.5 * trail.lagMs);
    return { trail, verdict: nowMs - test.inStepMs < silenceMs ? 'silent-yet' : 'ring' };
  }
  if (test.withheldMs === undefined) return { trail, verdict: 'in-step' };
  const undone = trail.undone + 1;
  const next = { ...trail, undone, test: { withheldMs: undefined, inStepMs: nowMs } };
  return { trail: next, verdict: undone >= RING_UNDONE_MAX ? 'ring' : 'silent-yet' };
}

/** The earlier write of `content` here, when the daemon was the last to write here, and would bring it back now. */
function recurrenceOf(
  trail: RingTrail,
  standing: Content,
  content: Content,
  nowMs: number,
): WrittenContent | undefined {
  // While the daemon is silent for a test, what it wrote before does not grow old.
  const known = trail.test === undefined ? recentOf(trail, nowMs) : trail.written;
  if (known.length === 0 || known.at(-1)?.content !== standing) return undefined;
  return known.findLast((written) => written.content === content);
}

function recentOf(trail: RingTrail, nowMs: number): readonly WrittenContent[] {
  return trail.written.filter(({ atMs }) => nowMs - atMs <= RING_LAG_MAX_MS);
}
