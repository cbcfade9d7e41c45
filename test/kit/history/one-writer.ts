import type { LedgerSighting, StoreName, Violation } from './history.js';
import { STORES } from './history.js';

const CHECKER = 'one writer';

/**
 * Never two writers at once: in the order of a store's own versions, a ledger's generation rises with each write, and
 * who has once been followed by another writer never writes it again. Sightings may come in any order and leave out
 * any number of versions.
 *
 * A process that gives up a mapping and takes it over once more has to go by another name in the ledgers then.
 */
export function checkOneWriter(sightings: readonly LedgerSighting[]): Violation[] {
  return STORES.flatMap((store) => checkStore(store, sightings));
}

function checkStore(store: StoreName, sightings: readonly LedgerSighting[]): Violation[] {
  const violations: Violation[] = [];
  const past = new Set<string>();
  const ordered = sightings
    .filter((sighting) => sighting.store === store)
    .sort((a, b) => (a.version < b.version ? -1 : 1));
  let before: LedgerSighting | undefined;
  for (const sighting of ordered) {
    const violation = before && compare(before, sighting, past);
    if (violation !== undefined) {
      violations.push({ checker: CHECKER, key: undefined, explanation: `${store}: ${violation}` });
    }
    if (before !== undefined && before.writer !== sighting.writer) past.add(before.writer);
    before = sighting;
  }
  return violations;
}

function compare(before: LedgerSighting, now: LedgerSighting, past: ReadonlySet<string>): string | undefined {
  if (now.version === before.version) return undefined;
  if (now.generation <= before.generation) return `${show(now)} follows ${show(before)}`;
  if (now.writer !== before.writer && past.has(now.writer)) {
    return `${show(now)} follows ${show(before)}, though ${now.writer} had been followed by another writer`;
  }
  return undefined;
}

function show({ generation, version, writer }: LedgerSighting): string {
  return `generation ${generation} of ${writer} (version ${version})`;
}
