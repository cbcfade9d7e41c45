import type { ArchiveRecord } from '../core/archive-record.js';
import type { EntryKey, Reading } from '../core/observation.js';
import { SIDES } from '../core/pair.js';
import type { Side } from '../core/pair.js';
import type { Version } from '../core/version.js';
import type { EntryMark, JournalEntry, MappingArchive } from '../ports/archive.js';
import type { Explanation } from '../ports/control.js';
import type { Examined } from '../sync/examine.js';
import { describeDecision } from './describe-decision.js';
import { SIDE_NAMES } from './mapping-context.js';

/** How far back in the journal an explanation looks for the entry's last conflict. */
const CONFLICTS_SEARCHED_MAX = 1_000;
const CONFLICTS_PAGE = 100;

type Plain = Readonly<Record<string, unknown>>;

/** Why an entry is as it is: what is archived, what was just read, and what follows from both. */
export function explain(
  archive: MappingArchive,
  key: EntryKey,
  examined: Examined | undefined,
  withValues = false,
): Explanation {
  const record = archive.record(key);
  const mark = archive.mark(key);
  const unchanged = { state: 'as archived' };
  const shown = (side: Side): Plain =>
    examined === undefined ? unchanged : plainReading(examined.situation.readings[side], withValues);
  return {
    key,
    zookeeper: shown('left'),
    consul: shown('right'),
    archive: record === undefined ? undefined : plainRecord(record),
    mark: mark === undefined ? undefined : plainMark(mark),
    decision: examined === undefined ? 'nothing' : examined.decision.do,
    why:
      examined === undefined ? 'both sides are as they were agreed on' : describeDecision(examined.decision),
    lastConflict: lastConflictOf(archive, key),
  };
}

/** With the sides by the names of the stores. */
function plainMark(mark: EntryMark): Plain {
  const { on, at, keep, ...rest }: Partial<Record<'on' | 'at' | 'keep', Side | undefined>> & Plain = mark;
  return {
    ...rest,
    ...(on !== undefined && { on: SIDE_NAMES[on] }),
    ...(at !== undefined && { at: SIDE_NAMES[at] }),
    ...(keep !== undefined && { keep: SIDE_NAMES[keep] }),
  };
}

function lastConflictOf(archive: MappingArchive, key: EntryKey): JournalEntry | undefined {
  let beforeId: number | undefined;
  for (let searched = 0; searched < CONFLICTS_SEARCHED_MAX;) {
    const page = archive.conflicts({ limit: CONFLICTS_PAGE, ...(beforeId !== undefined && { beforeId }) });
    const found = page.find((conflict) => conflict.key === key);
    const last = page.at(-1);
    if (found !== undefined || last === undefined) return found;
    searched += page.length;
    beforeId = last.id;
  }
  return undefined;
}

function plainReading(reading: Reading, withValues: boolean): Plain {
  if (reading.kind === 'absent') return { state: 'absent' };
  if (reading.kind === 'unknown') return { state: 'unknown', reason: reading.reason };
  const { value, digest, flags, children, session, stamp } = reading;
  return {
    state: 'present',
    ...plainVersion(reading.version),
    bytes: value.length,
    digest,
    ...(flags !== 0n && { flags: String(flags) }),
    ...(children > 0 && { children }),
    ...(session !== undefined && { session }),
    ...(stamp !== undefined && { writtenAt: new Date(stamp.atMs).toISOString() }),
    ...(withValues && { value: Buffer.from(value).toString('base64') }),
  };
}

function plainRecord(record: ArchiveRecord): Plain {
  if (record.kind === 'structure') {
    return {
      kind: 'structure',
      side: SIDE_NAMES[record.side],
      owner: record.owner,
      ...plainVersion(record.version),
    };
  }
  const versions = SIDES.map((side) => [SIDE_NAMES[side], plainVersion(record.versions[side])] as const);
  return {
    kind: 'entry',
    digest: record.digest,
    versions: Object.fromEntries(versions),
    ...(record.copy !== undefined && { createdByDaemonIn: SIDE_NAMES[record.copy] }),
    ...(record.session !== undefined && { sessionBoundIn: SIDE_NAMES[record.session] }),
  };
}

/** As text: store-wide numbers may have more digits than JSON readers keep. */
function plainVersion({ modified, created, revision }: Version): Plain {
  return { modified: String(modified), created: String(created), revision };
}
