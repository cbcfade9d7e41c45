import { expect } from 'vitest';
import type { Archive, MappingArchive } from '../../../src/ports/archive.js';
import { entryRecord } from '../../kit/archive-samples.js';
import { KEPT_ROUNDS, OPEN_EVERY, RESET_EVERY, STORM_KEYS, STORM_PLACES } from './storm.js';
import type { Resolved } from './storm.js';

/** What a storm leaves, wherever it was interrupted: all that was resolved, and nothing by half. */
export function expectWholeCommits(archive: Archive, resolved: readonly Resolved[]): void {
  for (const [place, places] of STORM_PLACES.entries()) {
    const last = resolved.findLast((one) => one.place === place)?.round ?? 0;
    expectWholeCommit(archive.mapping(places), last);
  }
}

function expectWholeCommit(mapping: MappingArchive, lastResolved: number): void {
  const round = mapping.conflicts({ limit: 1 })[0]?.id ?? 0;
  expect(round).toBeGreaterThanOrEqual(lastResolved);
  expect(round).toBeLessThanOrEqual(lastResolved + 1);
  const records = mapping.recordsAfter(undefined, 2 * STORM_KEYS.length).map(([, record]) => record);
  const wasReset = mapping.state() === undefined;
  if (wasReset) {
    expect(round % RESET_EVERY).toBe(0);
    expect(records).toEqual([]);
  } else {
    expect(mapping.state()?.lastVerifiedAtMs).toBe(round);
    expect(records).toEqual(STORM_KEYS.map(() => entryRecord(round)));
  }
  expect(mapping.counts().entries).toBe(records.length);
  const open = Math.floor(round / OPEN_EVERY);
  const kept = mapping
    .conflicts({ limit: 1_000 })
    .filter((entry) => entry.open || entry.atMs >= round - KEPT_ROUNDS);
  expect(mapping.conflictCounts()).toEqual({ open, total: kept.length });
}
