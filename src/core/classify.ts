import type { ArchiveRecord, EntryRecord, StructureRecord } from './archive-record.js';
import type { EntryKey, PresentReading, Reading } from './observation.js';
import type { Pair, Side } from './pair.js';
import { otherSide, pairOf, SIDES } from './pair.js';
import type { Version } from './version.js';
import { sameVersion } from './version.js';

/**
 * What a reading means against what was agreed before.
 *
 * `clean`: at the agreed version. `moved`: another version, the agreed content. `dirty`: another content, or nothing
 * was agreed yet. `structure`: an inner node or folder marker without data. `absent`: proven. `unknown`: nothing
 * may be concluded.
 */
export type State = 'clean' | 'moved' | 'dirty' | 'structure' | 'absent' | 'unknown';

/** The agreement that counts for a decision: as archived, or as the ledger proves that the daemon wrote it. */
export type Agreement = EntryAgreement | StructureRecord | undefined;

/** Like an archived entry, but a side whose agreed version was never recorded has none. */
export interface EntryAgreement extends Omit<EntryRecord, 'versions'> {
  readonly versions: Pair<Version | undefined>;
}

export function classify(key: EntryKey, agreement: Agreement, reading: Reading, side: Side): State {
  if (reading.kind !== 'present') return reading.kind;
  if (agreement?.kind === 'entry') return classifyEntry(key, agreement, reading, side);
  return isStructure(key, reading) || hasStayedStructure(agreement, reading, side) ? 'structure' : 'dirty';
}

/** Structure is sticky: also without children it is no entry until a client gives it data, or makes it anew. */
function hasStayedStructure(agreement: Agreement, reading: PresentReading, side: Side): boolean {
  if (agreement?.kind !== 'structure' || agreement.side !== side) return false;
  return isEmpty(reading) && reading.version.created === agreement.version.created;
}

function classifyEntry(key: EntryKey, agreement: EntryAgreement, reading: PresentReading, side: Side): State {
  const agreed = agreement.versions[side];
  if (agreement.empty && isStructure(key, reading)) return 'structure';
  if (agreed !== undefined && sameVersion(reading.version, agreed)) return 'clean';
  return reading.digest === agreement.digest ? 'moved' : 'dirty';
}

/**
 * Whether a reading is older than what was agreed: a stale answer, or a store that was restored from a backup (S6).
 * Such a reading counts as `unknown`; whoever reads must find out which it is.
 */
export function isRegressed(record: ArchiveRecord | undefined, reading: Reading, side: Side): boolean {
  if (record === undefined || reading.kind !== 'present') return false;
  if (record.kind === 'entry') return reading.version.modified < record.versions[side].modified;
  return record.side === side && reading.version.modified < record.version.modified;
}

/** An inner node without data, or a folder marker (a key whose last segment is empty) without a value. */
export function isStructure(key: EntryKey, reading: PresentReading): boolean {
  return isEmpty(reading) && (reading.children > 0 || reading.isInner === true || isFolderMarker(key));
}

export function isFolderMarker(key: EntryKey): boolean {
  return key === '' || key.endsWith('/');
}

export function isEmpty(reading: PresentReading): boolean {
  return reading.value.length === 0;
}

/**
 * Adds to the archive what the ledger proves: a reading whose version is that of a ledger write holds content that
 * the daemon itself had put there, so that content was agreed, even if the daemon died before it could record so (S7).
 */
export function agreementOf(
  key: EntryKey,
  record: ArchiveRecord | undefined,
  readings: Pair<Reading>,
  ours: Pair<boolean>,
): Agreement {
  const written = pairOf((side) => writtenByUs(record, readings[side], ours[side], side));
  const reading = written.left ?? written.right;
  if (reading === undefined) return record;
  if (written.left !== undefined && written.right !== undefined) {
    // Readings of two different moments.
    if (written.left.digest !== written.right.digest) return record;
  } else if (isStructure(key, reading)) {
    const side = written.left === undefined ? 'right' : 'left';
    if (isParentInPlaceOf(record, readings, side)) return record;
    return { kind: 'structure', side, version: reading.version, owner: 'daemon' };
  }
  const before = record?.kind === 'entry' ? record : undefined;
  return {
    kind: 'entry',
    digest: reading.digest,
    empty: isEmpty(reading),
    versions: pairOf((side) => written[side]?.version ?? recordedVersion(record, side)),
    copy: copyOf(before, written),
    session: before?.session,
    mirrorRewrites: before?.mirrorRewrites ?? 0,
    oscillation: before?.oscillation,
  };
}

/**
 * Whether the daemon's own structure at `side` stands where an agreed entry has been: it could only be made, as the
 * parent of another entry, because the entry was gone. It proves the deletion, as long as the other side is unchanged.
 */
export function isParentInPlaceOf(
  record: ArchiveRecord | undefined,
  readings: Pair<Reading>,
  side: Side,
): record is EntryRecord {
  if (record?.kind !== 'entry' || record.empty) return false;
  const [made, other] = [readings[side], readings[otherSide(side)]];
  if (made.kind !== 'present' || other.kind !== 'present') return false;
  const { modified, created } = made.version;
  const isNew = created === modified && modified > record.versions[side].modified;
  return isNew && sameVersion(other.version, record.versions[otherSide(side)]);
}

function writtenByUs(
  record: ArchiveRecord | undefined,
  reading: Reading,
  ours: boolean,
  side: Side,
): PresentReading | undefined {
  if (!ours || reading.kind !== 'present') return undefined;
  const recorded = recordedVersion(record, side);
  return recorded === undefined || recorded.modified < reading.version.modified ? reading : undefined;
}

/** A node that the daemon created stands at the version it was created with. */
function copyOf(
  before: EntryRecord | undefined,
  written: Pair<PresentReading | undefined>,
): Side | undefined {
  const created = SIDES.filter((side) => {
    const version = written[side]?.version;
    return version !== undefined && version.created === version.modified;
  });
  return created.length === 1 ? created[0] : before?.copy;
}

function recordedVersion(record: ArchiveRecord | undefined, side: Side): Version | undefined {
  if (record === undefined) return undefined;
  if (record.kind === 'entry') return record.versions[side];
  return record.side === side ? record.version : undefined;
}
