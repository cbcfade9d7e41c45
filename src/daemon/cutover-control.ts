import { CUTOVER_STEP_NAMES } from '../admin/cutover-names.js';
import type { CutoverStep } from '../core/cutover.js';
import { stepAfter, stepBefore, stepInForce, stepReached } from '../core/cutover.js';
import type { CutoverEvidence } from '../core/cutover-gates.js';
import { missingFor, switchOff } from '../core/cutover-gates.js';
import { CLIENT_CHANGES_KEPT_HOURS, HOUR_MS } from '../ports/client-changes.js';
import type { CutoverOptions, CutoverWanted, MappingControl } from '../ports/control.js';
import type { Comparison, CutoverReport, WatcherReport } from '../ports/cutover.js';
import { ReplicaError } from '../ports/errors.js';
import type { MappingStatus } from '../ports/status.js';
import { changeSums } from '../sync/change-sums.js';
import { compareSides } from '../sync/compare-sides.js';
import type { MappingSync } from '../sync/mapping-sync.js';
import type { Operator } from '../sync/operator.js';
import type { CutoverFacts } from './cutover-reasons.js';
import { missingReason, neededReason } from './cutover-reasons.js';
import { mustLead, refused } from './must-lead.js';

/** A comparison of all entries takes no longer; a request waits for 30 s. */
const COMPARE_MS_MAX = 20_000;

export interface CutoverParts {
  readonly sync: MappingSync;
  readonly operator: Operator;
  readonly stopping: AbortSignal;
  readonly status: () => MappingStatus;
  readonly watchers: (signal: AbortSignal) => Promise<WatcherReport>;
}

/** The part of a `MappingControl` that moves the mapping over to Consul, step by step. */
export function cutoverControl(parts: CutoverParts): Pick<MappingControl, 'cutover' | 'moveCutover'> {
  return {
    cutover: (options, signal) => report(parts, options, signal),
    moveCutover: (wanted, signal) => move(parts, wanted, signal),
  };
}

async function move(parts: CutoverParts, wanted: CutoverWanted, signal: AbortSignal): Promise<string> {
  const { sync, operator, stopping } = parts;
  const { name } = sync.context;
  mustLead(sync);
  if (sync.memory.state?.phase !== 'paired')
    throw refused(`mapping ${name} has not begun yet: look at its status`);
  const step = movable(sync);
  const { to } = wanted;
  const isBack = to === stepBefore(step);
  if (!isBack && to !== stepAfter(step)) {
    const at = `mapping ${name} is at the step ${CUTOVER_STEP_NAMES[step]}`;
    throw refused(`${at}, and moves one step at a time: ${CUTOVER_STEP_NAMES[to]} is not the next one`);
  }
  if (!isBack) {
    const { missing } = await report(parts, { compare: true, ...wanted }, signal);
    const listed = missing.map(({ detail }) => detail).join('; ');
    if (missing.length > 0)
      throw refused(`mapping ${name} can't go on to ${CUTOVER_STEP_NAMES[to]} yet: ${listed}`);
  }
  const untold = await operator.cutover(
    to,
    (moves) => stepReached(moves) === step && (isBack || sync.isInSync),
    stopping,
  );
  if (untold === undefined) throw refused(`mapping ${name} has changed since it was looked at: look again`);
  const stores = untold.map((side) => sync.context.sideNames[side]).join(' and ');
  const later =
    untold.length === 0 ? '' : `; ${stores} could not be told yet, which is tried again until it is there`;
  return `mapping ${name} is at the step ${CUTOVER_STEP_NAMES[to]}: ${MEANS[to]}${later}`;
}

const MEANS: Readonly<Record<CutoverStep, string>> = {
  both: 'both sides are written, as it is configured',
  'right-leads': 'both sides are written, and Consul wins what both changed',
  'left-mirror': 'only Consul is to be written, and ZooKeeper follows it',
};

/** @throws SyncError `REFUSED` where the configuration leaves nothing to move */
function movable({ configured, memory, context: { name } }: MappingSync): CutoverStep {
  const { source } = configured.policy;
  if (configured.departures !== undefined) {
    throw refused(
      `${name} is a list of services, whose programs move one by one, as they register in Consul: nothing is cut over at once`,
    );
  }
  if (configured.mode === 'observe') {
    throw refused(`mapping ${name} only observes: set mode: sync first, and have it in sync`);
  }
  if (source === 'left') {
    throw refused(
      `mapping ${name} is written in ZooKeeper only (direction: zookeeper-to-consul): set direction: both first, so that ` +
        'programs can be moved one by one',
    );
  }
  if (source === 'right') {
    throw refused(
      `mapping ${name} is at the step zookeeper-mirror by its configuration (direction: consul-to-zookeeper): ` +
        'set direction: both to have its steps taken by this command',
    );
  }
  return stepReached(memory.state?.cutover);
}

async function report(
  parts: CutoverParts,
  { compare, quietForMs, despiteWriters = false }: CutoverOptions,
  signal: AbortSignal,
): Promise<CutoverReport> {
  const { sync } = parts;
  const { configured, memory, context } = sync;
  const moves = memory.state?.cutover ?? [];
  const step = stepInForce(configured.policy, moves);
  const isConfigured = configured.policy.source !== undefined;
  const [comparison, watchers] = await Promise.all([
    compare ? compared(parts, signal) : NOT_ASKED,
    parts.watchers(signal),
  ]);
  const status = parts.status();
  const nowMs = context.clock.nowMs();
  const rows = memory.archive.clientChanges(Math.floor(nowMs / HOUR_MS) - CLIENT_CHANGES_KEPT_HOURS);
  const changes = changeSums(rows, nowMs);
  const countedSinceMs = memory.state?.firstCompletedAtMs;
  const leftChangedAtMs = changes.left.lastAtMs;
  const sinceMs = isConfigured ? undefined : moves.at(-1)?.atMs;
  const evidence: CutoverEvidence = {
    inSync: status.inSync,
    holds: status.holds.length,
    openConflicts: status.conflicts.open,
    equal: comparison.equal,
    drifted: status.driftedTotal,
    leftChangedAtMs,
    countedSinceMs,
    watchers: watchers.total === 0 && watchers.untold.length > 0 ? undefined : watchers.total,
  };
  const facts: CutoverFacts = { status, comparison, leftChangedAtMs, countedSinceMs, watchers, quietForMs };
  const next = isConfigured || step === undefined ? undefined : stepAfter(step);
  const back = isConfigured || step === undefined ? undefined : stepBefore(step);
  const gate = { nowMs, quietForMs, despiteWriters };
  const missing = next === undefined ? [] : missingFor(next, evidence, gate);
  const off = switchOff(step, evidence, nowMs);
  return {
    ...{ step, isConfigured, sinceMs, next, back, moves },
    ...{ inSync: status.inSync, inSyncSinceMs: status.inSyncSinceMs, holds: evidence.holds },
    ...{ openConflicts: evidence.openConflicts, drifted: evidence.drifted },
    ...{ comparison, countedSinceMs, changes, watchers },
    missing: missing.map((what) => missingReason(what, facts)),
    switchOff: {
      possible: off.needed.length === 0,
      certain: off.isCertain,
      needed: off.needed.map((what) => neededReason(what, facts)),
    },
  };
}

const NOT_ASKED: Comparison = {
  ...{ equal: undefined, by: undefined, digests: undefined, compared: 0, different: 0 },
  detail: 'it was not asked for',
};

async function compared(parts: CutoverParts, signal: AbortSignal): Promise<Comparison> {
  const enough = AbortSignal.timeout(COMPARE_MS_MAX);
  try {
    return withUnread(
      await compareSides(parts.sync.context, AbortSignal.any([signal, enough])),
      parts.status(),
    );
  } catch (error) {
    if (signal.aborted) throw error;
    if (enough.aborted) return byVersions(parts);
    if (error instanceof ReplicaError) return { ...NOT_ASKED, detail: error.message };
    throw error;
  }
}

/** What may not be read is in neither sum. */
function withUnread(comparison: Comparison, { skippedByReason }: MappingStatus): Comparison {
  const unread = (skippedByReason.get('denied') ?? 0) + (skippedByReason.get('unreadable') ?? 0);
  if (comparison.equal !== true || unread === 0) return comparison;
  return {
    ...comparison,
    equal: undefined,
    detail: `${unread} entries can't be read: zk-consul-sync status lists them`,
  };
}

/** There was no time to read all of it: what the loop itself has compared lately has to do. */
function byVersions({ sync, status }: CutoverParts): Comparison {
  const { inSync, lastVerifiedAtMs, skippedTotal, driftedTotal } = status();
  const ageMs = sync.context.clock.nowMs() - (lastVerifiedAtMs ?? -Infinity);
  const isRecent = ageMs <= 2 * sync.context.verifyEveryMs;
  const detail = `they are too large to be read within ${COMPARE_MS_MAX / 1_000} s`;
  if (!inSync || !isRecent || skippedTotal + driftedTotal > 0) {
    return { ...NOT_ASKED, detail: `${detail}, and ${skippedTotal + driftedTotal} entries are set aside` };
  }
  const sure = `${detail}; all versions were compared with what was agreed on`;
  return { ...NOT_ASKED, equal: true, by: 'versions', detail: sure };
}
