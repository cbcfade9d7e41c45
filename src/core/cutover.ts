import type { Side } from './pair.js';
import type { Policy } from './policy.js';

/**
 * How far a mapping was moved over from its left side to its right one. `both`: as configured. `right-leads`: both sides
 * are still written, and the right one wins what both changed. `left-mirror`: the right side is the source, the left one
 * follows it.
 */
export type CutoverStep = 'both' | 'right-leads' | 'left-mirror';

export const CUTOVER_STEPS: readonly CutoverStep[] = ['both', 'right-leads', 'left-mirror'];

/** A step that an operator took, forwards or back. */
export interface CutoverMove {
  /** Rises by one with each: of what two ledgers and an archive tell, the highest is the latest, whatever clocks say. */
  readonly number: number;
  readonly step: CutoverStep;
  /** Wall-clock milliseconds since the epoch. */
  readonly atMs: number;
}

/** The latest moves, the newest last. */
export type CutoverMoves = readonly CutoverMove[];

/** So many are kept, also in the ledgers, which have to stay small. */
export const MOVES_MAX = 12;

export function stepReached(moves: CutoverMoves | undefined): CutoverStep {
  return moves?.at(-1)?.step ?? 'both';
}

/** How often a step was taken; tells whether two accounts of it are the same. */
export function moveNumber(moves: CutoverMoves | undefined): number {
  return moves?.at(-1)?.number ?? 0;
}

export function withMove(moves: CutoverMoves | undefined, step: CutoverStep, atMs: number): CutoverMoves {
  return [...(moves ?? []), { number: moveNumber(moves) + 1, step, atMs }].slice(-MOVES_MAX);
}

/** Of several accounts, the one that knows the latest move. */
export function latestMoves(...accounts: readonly (CutoverMoves | undefined)[]): CutoverMoves | undefined {
  return accounts.reduce((latest, one) => (moveNumber(one) > moveNumber(latest) ? one : latest), undefined);
}

export function stepAfter(step: CutoverStep): CutoverStep | undefined {
  return CUTOVER_STEPS[CUTOVER_STEPS.indexOf(step) + 1];
}

export function stepBefore(step: CutoverStep): CutoverStep | undefined {
  return CUTOVER_STEPS[CUTOVER_STEPS.indexOf(step) - 1];
}

/**
 * Where a mapping stands: one that is configured to be written on the left only has been there before any move. Undefined
 * where only the right side is written: there is nothing to move over, before the direction is another.
 */
export function stepInForce(
  configured: Pick<Policy, 'source'>,
  moves: CutoverMoves | undefined,
): CutoverStep | undefined {
  if (configured.source === undefined) return stepReached(moves);
  return configured.source === 'right' ? 'left-mirror' : undefined;
}

/** The configured policy, with the step that was reached laid over it. A one-way mapping is as it is configured. */
export function policyInForce(configured: Policy, moves: CutoverMoves | undefined): Policy {
  if (configured.source !== undefined) return configured;
  const led = { ...configured, conflict: 'right-wins', tieBreak: 'right', initial: 'right' } as const;
  const source: Side = 'right';
  switch (stepReached(moves)) {
    case 'both':
      return configured;
    case 'right-leads':
      return led;
    case 'left-mirror':
      return { ...led, source };
  }
}

/** As it stands in a ledger. */
export function encodeMoves(moves: CutoverMoves): unknown {
  return moves.map(({ number, step, atMs }) => [number, step, atMs]);
}

/** @returns undefined for whatever is no account of moves */
export function decodeMoves(encoded: unknown): CutoverMoves | undefined {
  if (!Array.isArray(encoded) || encoded.length === 0 || encoded.length > MOVES_MAX) return undefined;
  const moves: CutoverMove[] = [];
  for (const one of encoded as unknown[]) {
    const [number, step, atMs] = Array.isArray(one) ? (one as unknown[]) : [];
    const known = CUTOVER_STEPS.find((name) => name === step);
    if (known === undefined || !Number.isSafeInteger(number) || !Number.isFinite(atMs)) return undefined;
    moves.push({ number: number as number, step: known, atMs: atMs as number });
  }
  return moves;
}
