import { createHash } from 'node:crypto';
import type { Pair } from '../../../src/core/pair.js';
import type { Archive } from '../../../src/ports/archive.js';
import { paged } from '../../kit/paged.js';

/** A hash of all that an archive has of some mappings; every record, mark, value and tally is read for it. */
export function digestOf(archive: Archive, places: readonly Pair<string>[]): string {
  const hash = createHash('sha256');
  for (const place of places) {
    const mapping = archive.mapping(place);
    const content = {
      state: mapping.state(),
      records: paged((last) => mapping.recordsAfter(last, 100)),
      counts: mapping.counts(),
      marks: paged((last) => mapping.marksAfter(last, 100)),
      markCounts: [...mapping.markCounts()].sort(),
      conflictCounts: mapping.conflictCounts(),
      conflicts: mapping.conflicts({ limit: 1_000 }),
      open: mapping.conflicts({ limit: 1_000, openOnly: true }).map(({ id }) => id),
      journalBytes: archive.journalBytes(),
    };
    hash.update(JSON.stringify(content, plain));
  }
  return hash.digest('hex');
}

function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`;
  if (value instanceof Uint8Array) return createHash('sha256').update(value).digest('hex');
  return value;
}
