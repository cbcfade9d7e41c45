import { setImmediate as nextTurn } from 'node:timers/promises';
import { compareKeys } from '../core/key-order.js';
import type { EntryKey } from '../core/observation.js';
import type { MappingArchive } from '../ports/archive.js';
import type { HeldBack, HeldEntry } from '../ports/control.js';
import type { HeldMark } from '../sync/held-back.js';
import { heldBack, HeldDigest } from '../sync/held-back.js';
import { SIDE_NAMES } from './mapping-context.js';

/**
 * What an approval would let pass: all of it counted, and a page of it listed. Lets others have their turn in between,
 * so the digest may be that of no moment; an approval of it is refused then.
 */
export async function heldEntries(
  archive: MappingArchive,
  { after, limit }: { after?: EntryKey; limit: number },
  signal: AbortSignal,
): Promise<HeldBack> {
  const counted = { deletions: 0, overwrites: 0 };
  const digest = new HeldDigest();
  const entries: HeldEntry[] = [];
  let more = false;
  for (const page of heldBack(archive)) {
    signal.throwIfAborted();
    digest.add(page);
    for (const [key, mark] of page) {
      counted[mark.kind === 'held-deletion' ? 'deletions' : 'overwrites']++;
      if (after !== undefined && compareKeys(key, after) <= 0) continue;
      if (entries.length < limit) entries.push(heldEntry(key, mark));
      else more = true;
    }
    await nextTurn();
  }
  return { ...counted, digest: digest.text, entries, more };
}

function heldEntry(key: EntryKey, { kind, on, sinceMs }: HeldMark): HeldEntry {
  return { key, action: kind === 'held-deletion' ? 'delete' : 'overwrite', on: SIDE_NAMES[on], sinceMs };
}
