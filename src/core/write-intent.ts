import type { LedgerMirror, WriteIntent } from './mapping-state.js';
import type { EntryKey, Reading } from './observation.js';
import type { Pair } from './pair.js';

/** Beyond so many single values whose fate is unknown, the oldest are given up, and taken for a client's if they arrive. */
export const SINGLE_INTENTS_MAX = 64;

type Single = WriteIntent & { readonly kind: 'single' };

/**
 * What became of a single value whose answer was lost. It goes without the ledger, under the condition of the version
 * it replaces: as long as that version stands, it can still arrive.
 */
export function judgeSingle(intent: Single, reading: Reading): 'pending' | 'written' | 'failed' {
  switch (reading.kind) {
    case 'unknown':
      return 'pending';
    case 'absent':
      return intent.base === undefined ? 'pending' : 'failed';
    case 'present':
      if (intent.base !== undefined && reading.version.modified <= intent.base) return 'pending';
      return reading.digest === intent.digest ? 'written' : 'failed';
  }
}

export function sameSingle(a: WriteIntent, b: WriteIntent): boolean {
  if (a.kind !== 'single' || b.kind !== 'single') return false;
  return a.side === b.side && a.key === b.key && a.digest === b.digest && a.base === b.base;
}

/** Adds what is about to be sent, bounded. */
export function announce(
  standing: readonly WriteIntent[],
  added: readonly WriteIntent[],
): readonly WriteIntent[] {
  const all = [...standing, ...added];
  const singles = all.filter((intent) => intent.kind === 'single');
  const givenUp = new Set<WriteIntent>(singles.slice(0, -SINGLE_INTENTS_MAX));
  return all.filter((intent) => !givenUp.has(intent));
}

/**
 * Settles announced deletions by the ledgers as they stand now. Each batch was sent under the condition of the ledger's
 * version, and with a generation of its own: found there, it was applied; found beyond, it never will be. Where another
 * daemon has moved the ledger, it may have been applied before: then a look at the entries tells.
 */
export function settleDeletions(
  intents: readonly WriteIntent[],
  ledgers: Pair<LedgerMirror | undefined>,
): { readonly pending: readonly WriteIntent[]; readonly removed: readonly EntryKey[] } {
  const removed: EntryKey[] = [];
  const pending = intents.filter((intent) => {
    if (intent.kind !== 'deletions') return true;
    const ledger = ledgers[intent.side];
    const generation = ledger?.generation ?? 0;
    if (generation === intent.generation && isSameWriter(intent, ledger)) removed.push(...intent.keys);
    return generation < intent.generation;
  });
  return { pending, removed };
}

/** Archives of format 1 did not note who wrote: there was but one. */
function isSameWriter(
  intent: WriteIntent & { readonly kind: 'deletions' },
  ledger: LedgerMirror | undefined,
): boolean {
  return intent.writer === undefined || ledger?.writer === undefined || ledger.writer === intent.writer;
}
