import type { EntryMark } from '../ports/archive.js';

/**
 * The mark of an entry that can't be written now. A person's word that its content is to stand is kept until it can,
 * and the hold says what is in the way: else it would be held anew, and its conflict journaled once more.
 */
export function leftOut(known: EntryMark | undefined, skip: EntryMark & { kind: 'skip' }): EntryMark {
  const why = `but it can't be written: ${skip.reason}: ${skip.detail}`;
  if (known?.kind === 'ordered') return { ...known, detail: `ordered, ${why}` };
  if (known?.kind !== 'hold' || known.keep === undefined) return skip;
  return { ...known, detail: `released, ${why}` };
}
