import type { Conflict, ConflictSide } from '../core/conflict.js';
import type { EntryKey } from '../core/observation.js';
import type { Side } from '../core/pair.js';
import type { MappingArchive } from '../ports/archive.js';
import { RecentMap } from './recent-map.js';

const PAGE = 1_000;

/** Beyond this, a conflict whose write fails again and again may be journaled more than once. */
const KNOWN_MAX = 10_000;
/** After so long it is entered anew: what is older may have been dropped from the journal. */
const KNOWN_MS_MAX = 24 * 3_600_000;

/**
 * The conflicts that entered the journal last, so that one whose write is tried again is not entered again: a refused
 * write would fill the journal within days, and then hold all conflicts.
 */
export class JournaledConflicts {
  private readonly known = new RecentMap<EntryKey, { signature: string; atMs: number }>(KNOWN_MAX);

  /** @param nowMs monotonic */
  isNew(conflict: Conflict, nowMs: number): boolean {
    const known = this.known.get(conflict.key);
    return known?.signature !== signatureOf(conflict) || nowMs - known.atMs > KNOWN_MS_MAX;
  }

  note(conflict: Conflict, nowMs: number): void {
    this.known.set(conflict.key, { signature: signatureOf(conflict), atMs: nowMs });
  }
}

/** Versions stand for values: equal signatures mean that both values are in the journal already. */
function signatureOf({ kind, winner, sides }: Conflict): string {
  const version = (side: ConflictSide): string =>
    side.version === undefined ? 'none' : `${side.version.modified}/${side.version.created}`;
  return [kind, winner, version(sides.left), version(sides.right)].join(' ');
}

/** The open journal entries of held entries that are held no more, each with the side whose content stands now. */
export function conflictsToClose(
  archive: MappingArchive,
  standing: ReadonlyMap<EntryKey, Side>,
): ReadonlyMap<number, Side> {
  const closed = new Map<number, Side>();
  const wasHeld = [...standing.keys()].some((key) => archive.mark(key)?.kind === 'hold');
  if (!wasHeld) return closed;
  let page = archive.conflicts({ limit: PAGE, openOnly: true });
  while (page.length > 0) {
    for (const { id, key } of page) {
      const side = standing.get(key);
      if (side !== undefined) closed.set(id, side);
    }
    const beforeId = page.at(-1)?.id;
    page = beforeId === undefined ? [] : archive.conflicts({ limit: PAGE, openOnly: true, beforeId });
  }
  return closed;
}
