import { CUTOVER_STEP_NAMES } from './cutover-names.js';
import type {
  AuditStatus,
  CanaryArrival,
  CanaryStatus,
  CutoverStatus,
  DaemonStatus,
  HoldStatus,
  LeaderStatus,
  MappingStatus,
  OrderStatus,
  StoreStatus,
} from '../ports/status.js';
import { SIDES } from '../core/pair.js';
import { isoTime } from './iso-time.js';

/** The body of `GET /api/v1/status`. */
export function statusJson(status: DaemonStatus) {
  return {
    version: status.version,
    instance: status.instance,
    role: status.role,
    uptimeSeconds: status.uptimeSeconds,
    replicas: {
      zookeeper: storeJson(status.replicas.zookeeper),
      consul: storeJson(status.replicas.consul),
    },
    mappings: status.mappings.map(mappingJson),
    audit: status.audit === undefined ? null : auditJson(status.audit),
    canary: status.canary === undefined ? null : canaryJson(status.canary),
  };
}

function auditJson({ file, problem, lost }: AuditStatus) {
  return { file, problem: problem ?? null, lost };
}

function canaryJson({ role, paused, arrivals }: CanaryStatus) {
  return { role, paused, toZookeeper: arrivalJson(arrivals.left), toConsul: arrivalJson(arrivals.right) };
}

function arrivalJson({ lagSeconds, lastSeenAtMs, problem }: CanaryArrival) {
  return { lagSeconds: lagSeconds ?? null, lastSeenAt: isoTime(lastSeenAtMs), problem: problem ?? null };
}

/** One mapping in the status, and the body of `GET /api/v1/mappings/NAME`. */
export function mappingJson(status: MappingStatus) {
  return {
    name: status.name,
    role: status.role,
    leader: status.leader === undefined ? null : leaderJson(status.leader),
    state: status.state,
    inSync: status.inSync,
    inSyncSince: isoTime(status.inSyncSinceMs),
    problem: status.problem ?? null,
    entries: status.entries,
    pending: { toZookeeper: status.pending.left, toConsul: status.pending.right },
    conflicts: status.conflicts,
    holds: status.holds.map(holdJson),
    skipped: status.skipped,
    skippedTotal: status.skippedTotal,
    drifted: status.drifted,
    driftedTotal: status.driftedTotal,
    orders: status.orders.map(orderJson),
    ordersTotal: status.ordersTotal,
    lastVerifiedAt: isoTime(status.lastVerifiedAtMs),
    cutover: cutoverJson(status.cutover),
  };
}

function orderJson({ key, sinceMs, why }: OrderStatus) {
  return { key, since: isoTime(sinceMs), why: why ?? null };
}

function cutoverJson({ step, sinceMs }: CutoverStatus) {
  return { step: step === undefined ? null : CUTOVER_STEP_NAMES[step], since: isoTime(sinceMs) };
}

function leaderJson({ host, admin }: LeaderStatus) {
  return { host, admin: admin ?? null };
}

function holdJson(hold: HoldStatus) {
  return {
    reason: hold.reason,
    key: hold.key ?? null,
    since: isoTime(hold.sinceMs),
    detail: hold.detail,
  };
}

function storeJson(store: StoreStatus) {
  return {
    connected: store.connected,
    address: store.address,
    server: store.server ?? null,
    lastError: store.lastError ?? null,
  };
}

/** The body of `GET /readyz`. */
export interface ReadinessJson {
  readonly ready: boolean;
  /** One sentence for each thing that is waited for. */
  readonly missing: readonly string[];
  /** What is wrong, and no reason to call the daemon unready. */
  readonly notes: readonly string[];
}

/**
 * Ready: both stores are connected, and every mapping has completed its first reconciliation or waits for a person,
 * which no restart would change. A standby is ready when it could take over. A canary that is late is told of, and makes
 * nobody unready: no restart would bring it home, and a rolling update must not stop for it.
 */
export function readinessJson(status: DaemonStatus): ReadinessJson {
  const missing = [
    ...missingStore('ZooKeeper', status.replicas.zookeeper),
    ...missingStore('Consul', status.replicas.consul),
    ...status.mappings.filter(isUnfinished).map(missingMapping),
  ];
  return { ready: missing.length === 0, missing, notes: canaryNotes(status) };
}

function canaryNotes({ canary }: DaemonStatus): string[] {
  if (canary === undefined) return [];
  const problems = SIDES.map((side) => canary.arrivals[side].problem);
  return problems.filter((problem) => problem !== undefined).map((problem) => `canary: ${problem}`);
}

function missingStore(name: string, { connected, address, lastError }: StoreStatus): string[] {
  if (connected) return [];
  return [`${name} at ${address} is not connected${lastError === undefined ? '' : `: ${lastError}`}`];
}

function isUnfinished(mapping: MappingStatus): boolean {
  return !mapping.firstCompleted && !isHeld(mapping);
}

/** As a whole: a held entry is left out, and holds up nothing. */
function isHeld({ state, holds }: MappingStatus): boolean {
  return state === 'held' || holds.some((hold) => hold.key === undefined);
}

function missingMapping({ name, role, state, problem }: MappingStatus): string {
  const because = problem === undefined ? '' : `: ${problem}`;
  if (role === 'standby') return `mapping ${name} could not be taken over yet; it is ${state}${because}`;
  return `mapping ${name} has not completed its first reconciliation; it is ${state}${because}`;
}
