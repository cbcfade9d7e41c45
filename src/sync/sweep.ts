import { compareKeys } from '../core/key-order.js';
import type { EntryKey, KeyPrefix } from '../core/observation.js';
import type { Side } from '../core/pair.js';
import type { PartView } from '../ports/replica.js';
import { ArchiveCursor } from './archive-cursor.js';
import type { MappingContext } from './context.js';
import type { Found } from './found.js';
import type { MappingMemory } from './mapping-memory.js';

/** How many entries that are missing are reported at once. */
const MISSING_PAGE = 1_000;

export interface Sweep {
  /** Entries of what was walked that were there, and are within the mapping's scope. */
  readonly present: number;
}

/**
 * Walks one side and the archive next to each other, in the same order, and reports everything in which they differ.
 * Proves nothing by itself: what a walk lacks is only worth a look (S4). Memory is bounded by two pages of each: one is
 * asked for while the one before is dealt with.
 * @param within the part to walk; all, without
 */
export async function sweepSide(
  context: MappingContext,
  memory: MappingMemory,
  side: Side,
  report: (found: readonly Found[]) => Promise<void>,
  signal: AbortSignal,
  within: KeyPrefix = '',
): Promise<Sweep> {
  const archived = new ArchiveCursor(memory, side, within);
  let present = 0;
  const pages = context.replicas[side].scan((key) => archived.versionOf(key), signal, within);
  for await (const page of oneAhead(pages)) {
    const differing: Found[] = [];
    for (const found of page) {
      if (!context.scope.includes(found.key)) continue;
      present++;
      for (const missing of archived.missingBefore(found.key)) {
        differing.push({ key: missing, reading: undefined });
        if (differing.length >= MISSING_PAGE) await report(differing.splice(0));
      }
      if (archived.differs(found.key, found)) differing.push(found);
    }
    await report(differing);
  }
  for (let missing = archived.takeRest(MISSING_PAGE); missing.length > 0;) {
    await report(missing.map((key) => ({ key, reading: undefined })));
    missing = archived.takeRest(MISSING_PAGE);
  }
  return { present };
}

/** Asks for the next item before the one that is given out is done with. */
async function* oneAhead<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
  const iterator = items[Symbol.asyncIterator]();
  let ahead = iterator.next();
  try {
    for (let step = await ahead; step.done !== true; step = await ahead) {
      ahead = iterator.next();
      // It is waited for in its turn.
      ahead.catch(() => undefined);
      yield step.value;
    }
  } finally {
    await iterator.return?.();
  }
}

/** The entries in which what was seen of a part differs from the archive. */
export function* differing(
  context: MappingContext,
  memory: MappingMemory,
  side: Side,
  view: PartView,
): Generator<EntryKey> {
  const archived = new ArchiveCursor(memory, side, view.within);
  const except = [...view.except];
  for (const { key, version } of view.entries) {
    if (!context.scope.includes(key)) continue;
    for (let part = except[0]; part !== undefined && compareKeys(part, key) < 0; part = except[0]) {
      yield* archived.missingBefore(part);
      archived.leaveOut(part);
      except.shift();
    }
    yield* archived.missingBefore(key);
    const met = version && { version, empty: undefined, children: 0 };
    if (archived.differs(key, met)) yield key;
  }
  for (const part of except) {
    yield* archived.missingBefore(part);
    archived.leaveOut(part);
  }
  for (let rest = archived.takeRest(MISSING_PAGE); rest.length > 0;) {
    yield* rest;
    rest = archived.takeRest(MISSING_PAGE);
  }
}
