import type { changesJson, historyJson } from '../activity-json.js';
import type { conflictJson, conflictSummaryJson } from '../conflict-json.js';
import type { mappingJson, statusJson } from '../status-json.js';
import type { PlanSummary } from '../../ports/control.js';

/** What the server answers, by the functions that make it: docs/http-api.md describes it. */
export type Status = ReturnType<typeof statusJson>;
export type Mapping = ReturnType<typeof mappingJson>;
export type Hold = Mapping['holds'][number];
export type Store = Status['replicas']['zookeeper'];
export type CanaryAnswer = NonNullable<Status['canary']>;
export type History = ReturnType<typeof historyJson>;
export type Change = ReturnType<typeof changesJson>['changes'][number];
export type ConflictSummary = ReturnType<typeof conflictSummaryJson>;
export type Conflict = ReturnType<typeof conflictJson>;
export type ConflictSide = Conflict['zookeeper'];
export type Plan = Pick<PlanSummary, 'create' | 'update' | 'delete' | 'conflicts' | 'skipped'>;
export type ReplicaName = 'zookeeper' | 'consul';

export interface Explanation {
  readonly key: string;
  readonly zookeeper: Readonly<Record<string, unknown>>;
  readonly consul: Readonly<Record<string, unknown>>;
  readonly archive: Readonly<Record<string, unknown>> | null;
  readonly mark: Readonly<Record<string, unknown>> | null;
  readonly decision: string;
  readonly why: string;
}

/** Whether this browser may see values and change things, and what it lacks for that. */
export interface PageAccess {
  readonly trusted: boolean;
  readonly code?: string;
  readonly error?: string;
  readonly hint?: string;
}

export const STORE_NAMES: Readonly<Record<ReplicaName, string>> = {
  zookeeper: 'ZooKeeper',
  consul: 'Consul',
};
