import type { CutoverStep } from '../core/cutover.js';
import type { Pair } from '../core/pair.js';

/** What a mapping tells about itself. Times are wall-clock milliseconds since the epoch. */
export interface MappingStatus {
  readonly name: string;
  readonly role: 'active' | 'standby';
  /** The daemon that leads the mapping, be it this one or another; undefined while none is known to, or it is alone. */
  readonly leader: LeaderStatus | undefined;
  readonly state: MappingStateName;
  /** It writes nothing (`mode: observe`): nobody leads it, and the sides may differ for as long as they like. */
  readonly observing: boolean;
  /** Both sides are equal as far as is known, held and skipped entries aside. */
  readonly inSync: boolean;
  readonly inSyncSinceMs: number | undefined;
  /** Whether the first reconciliation of everything is complete; of a standby, whether it could take over. */
  readonly firstCompleted: boolean;
  /** What keeps the mapping from going on just now, for a person; undefined while nothing does. Tried again by itself. */
  readonly problem: string | undefined;
  readonly entries: number;
  /** Entries known to need a write on each side. */
  readonly pending: Pair<number>;
  readonly conflicts: { readonly open: number; readonly total: number };
  readonly holds: readonly HoldStatus[];
  /** Capped; `skippedTotal` counts all. */
  readonly skipped: readonly SkippedStatus[];
  readonly skippedTotal: number;
  readonly skippedByReason: ReadonlyMap<string, number>;
  /** What clients did to the target of a one-way mapping and was left alone. Capped; `driftedTotal` counts all. */
  readonly drifted: readonly DriftedStatus[];
  readonly driftedTotal: number;
  /** What a person has ordered, and not both sides have yet. Capped; `ordersTotal` counts all. */
  readonly orders: readonly OrderStatus[];
  readonly ordersTotal: number;
  readonly lastVerifiedAtMs: number | undefined;
  readonly cutover: CutoverStatus;
}

export interface CutoverStatus {
  /** Undefined where the mapping is configured to be written on the right only. */
  readonly step: CutoverStep | undefined;
  /** When it was taken; undefined where it never was. */
  readonly sinceMs: number | undefined;
}

export type MappingStateName = 'starting' | 'live' | 'paused' | 'held' | 'degraded';

export const MAPPING_STATES: readonly MappingStateName[] = ['starting', 'live', 'paused', 'held', 'degraded'];

export interface LeaderStatus {
  readonly host: string;
  /** The URL of its admin server; undefined when it has none. */
  readonly admin: string | undefined;
}

export interface HoldStatus {
  /** `mass-deletion`, `rolled-back`, ... for a mapping; `oscillating`, `conflict`, ... for an entry. */
  readonly reason: string;
  /** The entry that is held; undefined when the whole mapping is. */
  readonly key: string | undefined;
  readonly sinceMs: number;
  readonly detail: string;
}

export interface SkippedStatus {
  readonly key: string;
  readonly reason: string;
}

/** An entry that is to be restored from the trash, or from a conflict. */
export interface OrderStatus {
  readonly key: string;
  readonly sinceMs: number;
  /** What is in the way, for a person; undefined while nothing is known to be. */
  readonly why: string | undefined;
}

export interface DriftedStatus {
  readonly key: string;
  readonly change: 'added' | 'changed' | 'deleted';
}

/** What a store tells about its connection. */
export interface StoreStatus {
  readonly connected: boolean;
  readonly address: string;
  /** Server version or flavour, as far as known. */
  readonly server: string | undefined;
  /** The last error while not connected, without secrets. */
  readonly lastError: string | undefined;
}

export interface DaemonStatus {
  readonly version: string;
  readonly instance: string;
  readonly role: 'active' | 'standby';
  readonly uptimeSeconds: number;
  readonly replicas: { readonly zookeeper: StoreStatus; readonly consul: StoreStatus };
  readonly mappings: readonly MappingStatus[];
  /** Undefined where none is kept. */
  readonly audit: AuditStatus | undefined;
  /** Undefined where there is none. */
  readonly canary: CanaryStatus | undefined;
}

/** Markers that the daemon sends from each store to the other, to see how long that takes. */
export interface CanaryStatus {
  /** Whether this daemon sends them, or another one. */
  readonly role: 'active' | 'standby';
  /** None are sent, because every mapping is paused. */
  readonly paused: boolean;
  /** By the side at which they arrive. */
  readonly arrivals: Pair<CanaryArrival>;
}

export interface CanaryArrival {
  /** How long the last one took that arrived. */
  readonly lagSeconds: number | undefined;
  /** When that was. */
  readonly lastSeenAtMs: number | undefined;
  /** How long ago one arrived, or how long one is waited for since this daemon sends them; undefined while it doesn't. */
  readonly ageSeconds: number | undefined;
  /** Why the next one is late, for a person; undefined while it is not. */
  readonly problem: string | undefined;
}

/** How the audit log is doing. */
export interface AuditStatus {
  readonly file: string;
  /** Why it can't be written just now; undefined while it can. Tried again by itself. */
  readonly problem: string | undefined;
  /** Lines lost since the start, because they could not be written for too long. */
  readonly lost: number;
}
