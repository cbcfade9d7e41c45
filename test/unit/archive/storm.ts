import type { Archive } from '../../../src/ports/archive.js';
import { entryRecord, mappingState, newConflict } from '../../kit/archive-samples.js';

/** Commits that follow each other as fast as they can, and that show afterwards whether each was kept as a whole. */

export const STORM_PLACES = ['one', 'two', 'three'].map((name) => ({ left: `/${name}`, right: `${name}/` }));
export const STORM_KEYS = Array.from({ length: 40 }, (_, i) => `record-${i}`);
export const OPEN_EVERY = 5;
export const RESET_EVERY = 40;
export const KEPT_ROUNDS = 50;

/** Which commit of which mapping was resolved. */
export interface Resolved {
  readonly place: number;
  readonly round: number;
}

/** Never ends. */
export async function storm(archive: Archive, resolved: (which: Resolved) => void): Promise<void> {
  await Promise.all(
    STORM_PLACES.map(async (places, place) => {
      const mapping = archive.mapping(places);
      for (let round = (mapping.conflicts({ limit: 1 })[0]?.id ?? 0) + 1; ; round++) {
        await mapping.commit({
          records: new Map(STORM_KEYS.map((key) => [key, entryRecord(round)])),
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
