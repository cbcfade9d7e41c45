import type { ArchiveRecord } from '../core/archive-record.js';
import type { EntryMark, RecordCounts } from '../ports/archive.js';

/** What there is in a mapping's part. Kept with every commit, so that nothing has to be counted. */
export interface PartTally {
  readonly records: RecordCounts;
  /** By label; none of them 0. */
  readonly marks: Readonly<Record<string, number>>;
}

/** What there is in a mapping's journal, and in its trash. */
export interface JournalTally {
  /** The id that the next entry gets. */
  readonly nextId: number;
  readonly open: number;
  readonly total: number;
  readonly bytes: number;
  /** Of these, the open entries', which are never dropped to make room. */
  readonly openBytes: number;
  /** How many deleted values are kept; their bytes are counted above. */
  readonly trash: number;
  /** The id that the next one gets. */
  readonly nextTrashId: number;
}

export const EMPTY_PART: PartTally = { records: { entries: 0, sessionBound: 0, structure: 0 }, marks: {} };

export const EMPTY_TRASH = { trash: 0, nextTrashId: 1 } as const;

export const EMPTY_JOURNAL: JournalTally = {
  ...{ nextId: 1, open: 0, total: 0, bytes: 0, openBytes: 0 },
  ...EMPTY_TRASH,
};

/** The name under which marks are counted that come with an order. */
export const ORDERED = 'ordered' satisfies EntryMark['kind'];

export function recordKind(record: ArchiveRecord): keyof RecordCounts {
  if (record.kind === 'structure') return 'structure';
  return record.session === undefined ? 'entries' : 'sessionBound';
}

/** The name under which marks are counted. */
export function markLabel(mark: EntryMark): string {
  if (mark.kind === 'drift') return `drift:${mark.drift}`;
  if ('approved' in mark && mark.approved) return `${mark.kind}:approved`;
  return 'reason' in mark ? `${mark.kind}:${mark.reason}` : mark.kind;
}

/** `tally` after a record of kind `before` was replaced by one of kind `after`; undefined where there was, or is, none. */
export function countRecord(
  tally: PartTally,
  before: keyof RecordCounts | undefined,
  after: keyof RecordCounts | undefined,
): PartTally {
  if (before === after) return tally;
  const records = { ...tally.records };
  if (before !== undefined) records[before]--;
  if (after !== undefined) records[after]++;
  return { ...tally, records };
}

/** The same for marks, by their labels. */
export function countMark(
  tally: PartTally,
  before: string | undefined,
  after: string | undefined,
): PartTally {
  if (before === after) return tally;
  const marks = new Map(Object.entries(tally.marks));
  if (before !== undefined) marks.set(before, (marks.get(before) ?? 0) - 1);
  if (after !== undefined) marks.set(after, (marks.get(after) ?? 0) + 1);
  return { ...tally, marks: Object.fromEntries([...marks].filter(([, count]) => count !== 0)) };
}

/** Whether any entry has a mark: those of which there are none are not counted. */
export function hasMarks({ marks }: PartTally): boolean {
  return Object.keys(marks).length > 0;
}
