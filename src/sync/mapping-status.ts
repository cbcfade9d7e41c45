import { stepInForce } from '../core/cutover.js';
import type {
  CutoverStatus,
  DriftedStatus,
  HoldStatus,
  MappingStateName,
  MappingStatus,
  OrderStatus,
  SkippedStatus,
} from '../ports/status.js';
import type { EntryMark } from '../ports/archive.js';
import { stopsMapping } from './mapping-memory.js';
import type { MappingSync } from './mapping-sync.js';

/** How many skipped, held and drifted entries a status lists; it counts all of them. */
const LISTED_MAX = 100;
const MARKS_PAGE = 500;
/** How many marks a status looks through for those that it lists. */
const MARKS_LOOKED_AT_MAX = 5_000;

export function mappingStatus(sync: MappingSync, connected: boolean): MappingStatus {
  const { archive, state } = sync.memory;
  const listed = listMarks(sync);
  const skippedByReason = new Map<string, number>();
  for (const [name, count] of archive.markCounts()) {
    if (name.startsWith('skip:')) skippedByReason.set(name.slice('skip:'.length), count);
  }
  const tooLong = sync.unrecordableKeys;
  if (tooLong.length > 0) {
    skippedByReason.set('illegal-key', (skippedByReason.get('illegal-key') ?? 0) + tooLong.length);
  }
  const driftedTotal = [...archive.markCounts()].reduce(
    (sum, [name, count]) => (name.startsWith('drift:') ? sum + count : sum),
    0,
  );
  const skippedTotal = [...skippedByReason.values()].reduce((sum, count) => sum + count, 0);
  const inSync = connected && sync.isInSync;
  return {
    name: sync.context.name,
    role: sync.role,
    leader: sync.succession?.leader,
    state: stateName(sync, connected),
    observing: sync.context.mode === 'observe',
    inSync,
    inSyncSinceMs: inSync ? sync.inSyncSinceMs : undefined,
    firstCompleted: sync.completedSinceStart && sync.succession?.obstacle === undefined,
    problem: sync.problem,
    entries: archive.counts().entries + archive.counts().sessionBound,
    pending: sync.pending.count,
    conflicts: archive.conflictCounts(),
    holds: [
      ...sync.holds.map(({ reason, sinceMs, detail }) => ({ reason, key: undefined, sinceMs, detail })),
      ...listed.holds,
    ],
    skipped: [...listed.skipped, ...tooLong.map((key) => ({ key, reason: 'illegal-key' }))].slice(
      0,
      LISTED_MAX,
    ),
    skippedTotal,
    skippedByReason,
    drifted: listed.drifted,
    driftedTotal,
    orders: listed.orders,
    ordersTotal: archive.markCounts().get('ordered') ?? 0,
    lastVerifiedAtMs: state?.lastVerifiedAtMs,
    cutover: cutoverStatus(sync),
  };
}

function cutoverStatus({ configured: { policy }, memory: { state } }: MappingSync): CutoverStatus {
  const sinceMs = policy.source === undefined ? state?.cutover?.at(-1)?.atMs : undefined;
  return { step: stepInForce(policy, state?.cutover), sinceMs };
}

function stateName(sync: MappingSync, connected: boolean): MappingStateName {
  if (sync.memory.state?.paused === true) return 'paused';
  if (sync.holds.length > 0) return 'held';
  if (!connected || sync.problem !== undefined) return sync.completedSinceStart ? 'degraded' : 'starting';
  return sync.completedSinceStart ? 'live' : 'starting';
}

interface ListedMarks {
  readonly holds: HoldStatus[];
  readonly skipped: SkippedStatus[];
  readonly drifted: DriftedStatus[];
  readonly orders: OrderStatus[];
}

function listMarks(sync: MappingSync): ListedMarks {
  const holds: HoldStatus[] = [];
  const skipped: SkippedStatus[] = [];
  const drifted: DriftedStatus[] = [];
  const orders: OrderStatus[] = [];
  const obstacle = obstacleOf(sync);
  const list = (key: string, mark: EntryMark): void => {
    if (mark.kind === 'hold' && holds.length < LISTED_MAX) {
      holds.push({ reason: mark.reason, key, sinceMs: mark.sinceMs, detail: mark.detail });
    }
    if (mark.kind === 'skip' && skipped.length < LISTED_MAX) skipped.push({ key, reason: mark.reason });
    if (mark.kind === 'ordered' && orders.length < LISTED_MAX) {
      orders.push({ key, sinceMs: mark.sinceMs, why: mark.detail === '' ? obstacle : mark.detail });
    }
    if (mark.kind === 'drift' && drifted.length < LISTED_MAX) drifted.push({ key, change: mark.drift });
  };
  let last: string | undefined;
  for (let looked = 0; looked < MARKS_LOOKED_AT_MAX; looked += MARKS_PAGE) {
    const page = sync.memory.archive.marksAfter(last, MARKS_PAGE);
    for (const [key, mark] of page) list(key, mark);
    last = page.at(-1)?.[0];
    if (page.length < MARKS_PAGE) break;
  }
  return { holds, skipped, drifted, orders };
}

/** What keeps a mapping from writing anything. */
function obstacleOf({ memory, holds, problem }: MappingSync): string | undefined {
  if (memory.state?.paused === true) return 'the mapping is paused';
  const hold = holds.find(stopsMapping);
  return hold === undefined ? problem : `the mapping is held: ${hold.reason}`;
}
