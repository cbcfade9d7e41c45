import { expect } from 'vitest';
import type { Archive, MappingArchive } from '../../../src/ports/archive.js';
import { entryRecord, mappingState, newConflict } from '../../kit/archive-samples.js';

/** Commits that follow each other as fast as they can, and that show afterwards whether each was kept as a whole. */

const PLACES = ['one', 'two', 'three'].map((name) => ({ left: `/${name}`, right: `${name}/` }));
const KEYS = Array.from({ length: 40 }, (_, i) => `record-${i}`);
const OPEN_EVERY = 5;
const RESET_EVERY = 40;
const KEPT_ROUNDS = 50;

/** Which commit of which mapping was resolved. */
export interface Resolved {
  readonly place: number;
  readonly round: number;
}

/** Never ends. */
export async function storm(archive: Archive, resolved: (which: Resolved) => void): Promise<void> {
  await Promise.all(
    PLACES.map(async (places, place) => {
      const mapping = archive.mapping(places);
      for (let round = (mapping.conflicts({ limit: 1 })[0]?.id ?? 0) + 1; ; round++) {
        await mapping.commit({
          records: new Map(KEYS.map((key) => [key, entryRecord(round)])),
          state: mappingState({ lastVerifiedAtMs: round }),
          conflicts: [newConflict(round, { open: round % OPEN_EVERY === 0 })],
          dropSettledBeforeMs: round - KEPT_ROUNDS,
        });
        if (round % RESET_EVERY === 0) await mapping.reset();
        resolved({ place, round });
      }
    }),
  );
}

/** What a storm leaves, wherever it was interrupted: all that was resolved, and nothing by half. */
export function expectWholeCommits(archive: Archive, resolved: readonly Resolved[]): void {
  for (const [place, places] of PLACES.entries()) {
    const last = resolved.findLast((one) => one.place === place)?.round ?? 0;
    expectWholeCommit(archive.mapping(places), last);
  }
}

function expectWholeCommit(mapping: MappingArchive, lastResolved: number): void {
  const round = mapping.conflicts({ limit: 1 })[0]?.id ?? 0;
  expect(round).toBeGreaterThanOrEqual(lastResolved);
  expect(round).toBeLessThanOrEqual(lastResolved + 1);
  const records = mapping.recordsAfter(undefined, 2 * KEYS.length).map(([, record]) => record);
  const wasReset = mapping.state() === undefined;
  if (wasReset) {
    expect(round % RESET_EVERY).toBe(0);
    expect(records).toEqual([]);
  } else {
    expect(mapping.state()?.lastVerifiedAtMs).toBe(round);
    expect(records).toEqual(KEYS.map(() => entryRecord(round)));
  }
  expect(mapping.counts().entries).toBe(records.length);
  const open = Math.floor(round / OPEN_EVERY);
  const kept = mapping
    .conflicts({ limit: 1_000 })
    .filter((entry) => entry.open || entry.atMs >= round - KEPT_ROUNDS);
  expect(mapping.conflictCounts()).toEqual({ open, total: kept.length });
}
