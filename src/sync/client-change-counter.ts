import { isStructure } from '../core/classify.js';
import { sawForeignChange } from '../core/foreign-change.js';
import type { MappingState } from '../core/mapping-state.js';
import type { EntryKey } from '../core/observation.js';
import type { Pair, Side } from '../core/pair.js';
import { SIDES } from '../core/pair.js';
import type { MappingArchive } from '../ports/archive.js';
import type { ClientChanges } from '../ports/client-changes.js';
import { CLIENT_CHANGES_KEPT_HOURS, HOUR_MS, sumOf } from '../ports/client-changes.js';
import type { Clock } from '../ports/clock.js';
import type { MappingMetrics } from '../ports/metrics.js';
import type { DecidedEntry } from '../ports/observed.js';
import { RecentMap } from './recent-map.js';

/** Folders that are told apart within an hour, on each side; of more, only the sum is kept. */
export const FOLDERS_MAX = 32;
/** Changes that are known to have been counted: what is open is looked at again and again. */
const KNOWN_MAX = 20_000;

/**
 * Counts how often clients change something on each side: each change once, however often the loop looks at it, and
 * never what a daemon wrote. Numbers for people who want to know who still writes, and for the gates of a cutover.
 *
 * What was counted goes to the archive with the next commit, which mostly is the one that records the change itself.
 * A change that a killed process had not dealt with counts once more.
 */
export class ClientChangeCounter {
  private readonly seen: Pair<RecentMap<EntryKey, string>> = {
    left: new RecentMap(KNOWN_MAX),
    right: new RecentMap(KNOWN_MAX),
  };
  /** Up to which version earlier processes have counted what is still open. */
  private readonly upTo: Pair<bigint>;
  private readonly folders: Pair<Set<string>> = { left: new Set(), right: new Set() };
  private hour: number;
  private waiting = new Map<string, ClientChanges>();

  constructor(
    private readonly clock: Clock,
    private readonly metrics: MappingMetrics,
    archive: MappingArchive,
  ) {
    this.hour = this.hourNow();
    const upTo = { left: -1n, right: -1n };
    for (const one of archive.clientChanges(this.hour - CLIENT_CHANGES_KEPT_HOURS)) {
      if (one.upTo > upTo[one.side]) upTo[one.side] = one.upTo;
      if (one.hour === this.hour && one.folder !== undefined) this.folders[one.side].add(one.folder);
    }
    this.upTo = upTo;
  }

  /** Takes note of what a round has looked at, and decided. */
  note(decided: readonly DecidedEntry[], archive: MappingArchive, state: MappingState | undefined): void {
    // What is there when everything is compared for the first time, nobody has changed.
    const isCounting = state?.firstCompletedAtMs !== undefined;
    for (const one of decided) {
      if (!isCounting && isDealtWith(one)) continue;
      for (const side of SIDES) {
        if (isParentOnly(one, side) || !sawForeignChange(one.situation, side)) continue;
        if (!this.isNew(one, side, archive)) continue;
        const isInScopeAnew = isUpTo(one, side, state?.scopeSince[side] ?? -1n);
        if (isCounting && !isInScopeAnew) this.count(one, side);
      }
    }
  }

  /** What waits to be kept, which then waits no more. */
  take(): readonly ClientChanges[] {
    if (this.waiting.size === 0) return [];
    const counted = [...this.waiting.values()];
    this.waiting = new Map();
    return counted;
  }

  get isWaiting(): boolean {
    return this.waiting.size > 0;
  }

  /** It could not be kept, and waits for the next commit. */
  putBack(counted: readonly ClientChanges[]): void {
    for (const one of counted) this.add(one);
  }

  private isNew(one: DecidedEntry, side: Side, archive: MappingArchive): boolean {
    const { key } = one.situation;
    const what = changeOf(one, side);
    const known = this.seen[side].get(key);
    if (known === what) return false;
    this.seen[side].set(key, what);
    if (known !== undefined) return true;
    // This process has not met it: an earlier one may have, and left it open.
    const isOpenDeletion = one.situation.readings[side].kind === 'absent' && archive.mark(key) !== undefined;
    return !isOpenDeletion && !isUpTo(one, side, this.upTo[side]);
  }

  private count(one: DecidedEntry, side: Side): void {
    const hour = this.hourNow();
    if (hour !== this.hour) {
      this.hour = hour;
      for (const each of SIDES) this.folders[each].clear();
    }
    const reading = one.situation.readings[side];
    this.add({
      hour,
      side,
      folder: this.folderOf(one.situation.key, side),
      count: 1,
      lastAtMs: this.clock.nowMs(),
      upTo: reading.kind === 'present' ? reading.version.modified : -1n,
    });
    this.metrics.clientChange(side);
  }

  private folderOf(key: EntryKey, side: Side): string | undefined {
    const slash = key.indexOf('/');
    const folder = slash < 0 ? '' : key.slice(0, slash);
    const told = this.folders[side];
    if (told.size < FOLDERS_MAX) told.add(folder);
    return told.has(folder) ? folder : undefined;
  }

  private add(one: ClientChanges): void {
    const name = JSON.stringify([one.hour, one.side, one.folder ?? null]);
    const known = this.waiting.get(name);
    this.waiting.set(name, known === undefined ? one : sumOf(known, one));
  }

  private hourNow(): number {
    return Math.floor(this.clock.nowMs() / HOUR_MS);
  }
}

/** A node that was made for what is below it is no entry. */
function isParentOnly({ situation: { key, record, readings } }: DecidedEntry, side: Side): boolean {
  const reading = readings[side];
  return record?.kind !== 'entry' && reading.kind === 'present' && isStructure(key, reading);
}

/** Recorded or written, and not looked at again. */
function isDealtWith({ decision }: DecidedEntry): boolean {
  return decision.do === 'copy' || decision.do === 'remove' || decision.do === 'record';
}

function isUpTo({ situation }: DecidedEntry, side: Side, version: bigint): boolean {
  const reading = situation.readings[side];
  return reading.kind === 'present' && reading.version.modified <= version;
}

/** Names a change: two deletions of an entry are told apart by what was deleted. */
function changeOf({ situation: { readings, record } }: DecidedEntry, side: Side): string {
  const reading = readings[side];
  if (reading.kind === 'present') return String(reading.version.modified);
  return record?.kind === 'entry' ? `gone after ${record.versions[side].modified}` : 'gone';
}
