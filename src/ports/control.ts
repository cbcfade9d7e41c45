import type { CutoverStep } from '../core/cutover.js';
import type { EntryKey } from '../core/observation.js';
import type { JournalEntry } from './archive.js';
import type { CutoverReport } from './cutover.js';
import type { ObservedReport } from './observed.js';
import type { DaemonStatus } from './status.js';
import type { TrashEntry, TrashSummary, TrashWanted } from './trash.js';

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
  /** What `approve` would let pass now, from the first key after `after`. */
  held(options: { after?: EntryKey; limit: number }, signal: AbortSignal): Promise<HeldBack>;
  /**
   * Lets exactly the deletions and overwrites that are held back at this moment pass.
   * @param seen the digest that `held` gave: refused when something else is held back by now
   */
  approve(seen?: string): Promise<string>;
  /** What `resync` would do; writes nothing. */
  previewResync(from: ResyncFrom, signal: AbortSignal): Promise<PlanSummary>;
  /** Ends the mapping's hold with a new pair of ledgers and an empty archive; differing entries are decided by `from`. */
  resync(from: ResyncFrom): Promise<string>;
  /** Ends an entry's hold: the content of `keep` is written to the other side. */
  release(key: EntryKey, keep: 'zookeeper' | 'consul'): Promise<string>;
  /** What speaks for and against the next step on the way to Consul. Reads both sides where `compare` says so. */
  cutover(options: CutoverOptions, signal: AbortSignal): Promise<CutoverReport>;
  /** Takes one step, forwards or back. `REFUSED` where something is missing: the message says all of it. */
  moveCutover(wanted: CutoverWanted, signal: AbortSignal): Promise<string>;
  /** What it would have written while it only observed, where it has. */
  observed(): { readonly observing: boolean; readonly report: ObservedReport | undefined };
  /** @param withValues whether to tell what both stores have of it, and not only how much */
  explain(key: EntryKey, signal: AbortSignal, withValues?: boolean): Promise<Explanation>;
  conflicts(options: { beforeId?: number; limit: number; openOnly?: boolean }): readonly JournalEntry[];
  conflict(id: number): JournalEntry | undefined;
  /**
   * Makes what `keep` had in a conflict stand on both sides: an entry that is held for it is released, and of a settled
   * conflict what was decided is put right. What that replaces can be got back in the same way, or from the trash.
   */
  resolve(id: number, keep: 'zookeeper' | 'consul'): Promise<string>;
  /** A page of what was deleted, the newest first. */
  trash(wanted: TrashWanted & { readonly folder?: EntryKey | undefined }): TrashPage;
  trashed(id: number): TrashEntry | undefined;
  /** Puts back what was deleted, where nothing stands in its place on either side. Durable when it resolves, done soon. */
  restore(wanted: RestoreWanted): Promise<RestoreOrdered>;
}

export interface CutoverOptions {
  readonly compare: boolean;
  /** For so long no client may have changed ZooKeeper before it becomes a mirror. */
  readonly quietForMs: number;
  /** It may become one although somebody writes there. */
  readonly despiteWriters?: boolean;
}

export interface CutoverWanted extends Omit<CutoverOptions, 'compare'> {
  readonly to: CutoverStep;
}

export interface TrashPage {
  /** Those of the page that are wanted. */
  readonly entries: readonly TrashSummary[];
  /** The last of the page, wanted or not: what comes after it is on the next; undefined at the end. */
  readonly lastId: number | undefined;
}

/** What of the trash is to be put back: an entry's newest, or the newest of each that was deleted there and then. */
export type RestoreWanted =
  | { readonly key: EntryKey }
  | {
      /** The entry of this name and all below it; all, where it is empty. */
      readonly folder: EntryKey;
      readonly sinceMs: number | undefined;
      readonly untilMs: number | undefined;
    };

export interface RestoreOrdered {
  readonly message: string;
  readonly ordered: number;
  /** Not put back, and why. Capped; `refusedTotal` counts all. */
  readonly refused: readonly { readonly key: EntryKey; readonly reason: string }[];
  readonly refusedTotal: number;
  /** There was more than one request puts back: ask again. */
  readonly hasMore: boolean;
}

export type ResyncFrom = 'zookeeper' | 'consul' | 'merge';

/** What guards hold back and nobody has approved. */
export interface HeldBack {
  readonly deletions: number;
  readonly overwrites: number;
  /** Of all of it: another set has another one. */
  readonly digest: string;
  /** In the order of keys, as many as were asked for. */
  readonly entries: readonly HeldEntry[];
  /** Whether there are more behind them. */
  readonly more: boolean;
}

export interface HeldEntry {
  readonly key: EntryKey;
  readonly action: 'delete' | 'overwrite';
  readonly on: 'zookeeper' | 'consul';
  readonly sinceMs: number;
}

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
