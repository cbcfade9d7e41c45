import { formatDuration } from '../config/duration.js';
import type { MissingEvidence, StillNeeded } from '../core/cutover-gates.js';
import type { Comparison, Reason, WatcherReport } from '../ports/cutover.js';
import type { MappingStatus } from '../ports/status.js';

/** What sentences about a mapping's cutover are made of. */
export interface CutoverFacts {
  readonly status: MappingStatus;
  readonly comparison: Comparison;
  readonly leftChangedAtMs: number | undefined;
  readonly countedSinceMs: number | undefined;
  readonly watchers: WatcherReport;
  readonly quietForMs: number;
}

/** Why a step can't be taken now, and what to do about it. */
export function missingReason(what: MissingEvidence, facts: CutoverFacts): Reason {
  return { what, detail: missingDetail(what, facts) };
}

function missingDetail(what: MissingEvidence, facts: CutoverFacts): string {
  const { status, comparison, quietForMs } = facts;
  const quiet = formatDuration(quietForMs);
  const anyway = 'take the step all the same with --despite-writers';
  switch (what) {
    case 'not-in-sync':
      return notInSync(status);
    case 'held':
      return `it has ${counted(status.holds.length, 'hold')}: zk-consul-sync status shows them with what ends each`;
    case 'open-conflicts':
      return (
        `${counted(status.conflicts.open, 'conflict')} wait for a decision: ` +
        `zk-consul-sync conflicts list ${status.name} --open, then conflicts resolve`
      );
    case 'different':
      return (
        `both sides are not equal: ${comparison.detail ?? ''}; zk-consul-sync diff ${status.name} lists them. ` +
        'Write, exclude or delete what only one side has'
      );
    case 'not-compared':
      return `it is not known whether both sides are equal: ${comparison.detail ?? 'they were not compared'}`;
    case 'writers':
      return (
        `a client changed ZooKeeper at ${time(facts.leftChangedAtMs)}, within the last ${quiet}: ` +
        `zk-consul-sync cutover status ${status.name} shows in which folders. Move that program first, or ${anyway}`
      );
    case 'not-watched-long-enough':
      return (
        `changes of clients are counted since ${time(facts.countedSinceMs)} only, not for ${quiet} yet: wait, ask for ` +
        `less with --quiet-for, or ${anyway}`
      );
  }
}

function notInSync({ name, state, problem, pending }: MappingStatus): string {
  if (state === 'paused') return `it is paused: zk-consul-sync resume ${name}`;
  const because = problem === undefined ? '' : `, ${problem}`;
  const waiting = pending.left + pending.right;
  return `it is not in sync (${state}${because}; ${counted(waiting, 'entry', 'entries')} to write): wait, or see zk-consul-sync status`;
}

/** Why ZooKeeper is still needed. */
export function neededReason(what: StillNeeded, facts: CutoverFacts): Reason {
  return { what, detail: neededDetail(what, facts) };
}

function neededDetail(
  what: StillNeeded,
  { status, leftChangedAtMs, countedSinceMs, watchers }: CutoverFacts,
): string {
  switch (what) {
    case 'not-last-step':
      return 'it is not at the last step, zookeeper-mirror';
    case 'not-in-sync':
      return notInSync(status);
    case 'drift':
      return `${counted(status.driftedTotal, 'entry was', 'entries were')} changed in ZooKeeper by others: zk-consul-sync status lists them`;
    case 'writers':
      return `a client changed ZooKeeper at ${time(leftChangedAtMs)}, within the last week`;
    case 'too-early':
      return `changes of clients are counted since ${time(countedSinceMs)} only: wait until it is a week`;
    case 'watchers':
      return `${counted(watchers.total, 'session')} still watch ZooKeeper: programs that read there`;
  }
}

function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

function time(atMs: number | undefined): string {
  return atMs === undefined ? 'an unknown time' : new Date(atMs).toISOString();
}
