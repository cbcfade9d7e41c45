import type { EntryKey } from '../core/observation.js';
import type { JournalEntry } from './archive.js';
import type { ObservedReport } from './observed.js';
import type { DaemonStatus } from './status.js';

/** What the admin server may ask of a running daemon. */
export interface DaemonControl {
  status(): DaemonStatus;
  /** Whether the loops still turn: each of them passed its wait within the last minute. */
  alive(): boolean;
  mapping(name: string): MappingControl | undefined;
}

/**
 * Changing calls are durable when they resolve; each tells what it did, in one sentence for a person. They throw a
 * `SyncError`: `REFUSED` when the call makes no sense in the mapping's present state (there is nothing to release).
 */
export interface MappingControl {
  pause(): Promise<string>;
  resume(): Promise<string>;
  /** Lets exactly the deletions and overwrites that are held back at this moment pass. */
  approve(): Promise<string>;
  /** What `resync` would do; writes nothing. */
  previewResync(from: ResyncFrom, signal: AbortSignal): Promise<PlanSummary>;
  /** Ends the mapping's hold with a new pair of ledgers and an empty archive; differing entries are decided by `from`. */
  resync(from: ResyncFrom): Promise<string>;
  /** Ends an entry's hold: the content of `keep` is written to the other side. */
  release(key: EntryKey, keep: 'zookeeper' | 'consul'): Promise<string>;
  /** What it would have written while it only observed, where it has. */
  observed(): { readonly observing: boolean; readonly report: ObservedReport | undefined };
  explain(key: EntryKey, signal: AbortSignal): Promise<Explanation>;
  conflicts(options: { beforeId?: number; limit: number; openOnly?: boolean }): readonly JournalEntry[];
  conflict(id: number): JournalEntry | undefined;
}

export type ResyncFrom = 'zookeeper' | 'consul' | 'merge';

/** What would be done, by side written, with a bounded list of examples. */
export interface PlanSummary {
  readonly entries: number;
  readonly create: { readonly zookeeper: number; readonly consul: number };
  readonly update: { readonly zookeeper: number; readonly consul: number };
  readonly delete: { readonly zookeeper: number; readonly consul: number };
  readonly conflicts: number;
  readonly skipped: number;
  readonly actions: readonly PlannedAction[];
  /** Whether `actions` was cut. */
  readonly truncated: boolean;
}

export interface PlannedAction {
  readonly key: EntryKey;
  readonly action: 'create' | 'update' | 'delete' | 'conflict' | 'skip' | 'hold' | 'drift';
  readonly on: 'zookeeper' | 'consul' | undefined;
  readonly detail: string;
}

/** Why an entry is as it is. Plain data, ready for JSON. */
export interface Explanation {
  readonly key: EntryKey;
  readonly zookeeper: Readonly<Record<string, unknown>>;
  readonly consul: Readonly<Record<string, unknown>>;
  readonly archive: Readonly<Record<string, unknown>> | undefined;
  readonly mark: Readonly<Record<string, unknown>> | undefined;
  readonly decision: string;
  readonly why: string;
  readonly lastConflict: JournalEntry | undefined;
}
