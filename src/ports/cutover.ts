import type { CutoverMoves, CutoverStep } from '../core/cutover.js';
import type { Pair } from '../core/pair.js';

/** What speaks for and against a mapping's next step on its way to the right store. */
export interface CutoverReport {
  /** Undefined where the mapping is configured to be written on the right only: there is nothing to move over yet. */
  readonly step: CutoverStep | undefined;
  /** The configuration has put it there, and no step back can be taken. */
  readonly isConfigured: boolean;
  readonly sinceMs: number | undefined;
  readonly next: CutoverStep | undefined;
  readonly back: CutoverStep | undefined;
  readonly moves: CutoverMoves;
  readonly inSync: boolean;
  readonly inSyncSinceMs: number | undefined;
  readonly holds: number;
  readonly openConflicts: number;
  readonly drifted: number;
  readonly comparison: Comparison;
  /** Since when clients' changes are counted; undefined while everything is still compared for the first time. */
  readonly countedSinceMs: number | undefined;
  readonly changes: Pair<SideChanges>;
  readonly watchers: WatcherReport;
  /** What is missing for the next step; empty where it may be taken, or there is none. */
  readonly missing: readonly Reason[];
  readonly switchOff: SwitchOffReport;
}

/** Something that stands in the way: a stable name, and what to do about it for a person. */
export interface Reason {
  readonly what: string;
  readonly detail: string;
}

export interface SwitchOffReport {
  readonly possible: boolean;
  /** Whether all that may speak against it could be looked at. */
  readonly certain: boolean;
  readonly needed: readonly Reason[];
}

/** Whether both sides are equal now. */
export interface Comparison {
  /** Undefined where it could not be found out, or was not asked for. */
  readonly equal: boolean | undefined;
  /** `digest`: all was read on both sides. `versions`: nothing has moved since both sides were last verified. */
  readonly by: 'digest' | 'versions' | undefined;
  /** Of all keys and values of a side. */
  readonly digests: Pair<string> | undefined;
  /** Keys that were looked at. */
  readonly compared: number;
  readonly different: number;
  /** Why nothing can be said, or what is different; for a person. */
  readonly detail: string | undefined;
}

/** How often clients changed something on one side: up to whole hours. */
export interface SideChanges extends ChangeCounts {
  /** The busiest first, and bounded. */
  readonly folders: readonly FolderChanges[];
  /** All other folders together; undefined where there are none. */
  readonly rest: ChangeCounts | undefined;
}

export interface ChangeCounts {
  readonly hour: number;
  readonly day: number;
  readonly week: number;
  readonly lastAtMs: number | undefined;
}

export interface FolderChanges extends ChangeCounts {
  /** The first segment of the keys; empty for entries in no folder. */
  readonly folder: string;
}

/** Which sessions watch something of the left side, as far as the servers tell. */
export interface WatcherReport {
  readonly sessions: readonly WatchingSession[];
  readonly total: number;
  /** Servers that did not tell, each with the reason, for a person. */
  readonly untold: readonly string[];
}

export interface WatchingSession {
  readonly session: string;
  /** Where it is connected from, where that is told. */
  readonly address: string | undefined;
  /** How many paths it watches. */
  readonly paths: number;
}
