import type { Violation } from './history.js';
import { show } from './history.js';
import type { CommittedChange, TimelineEvent } from './timeline.js';

/** S2: while no client writes and nothing goes wrong, no daemon writes to any entry. Its ledger it may still move. */
export function checkNoEcho(timeline: readonly TimelineEvent[], quietFromMs: number): Violation[] {
  return daemonChanges(timeline).flatMap(({ change, store, atMs }) => {
    if (atMs < quietFromMs || change.place !== 'entry') return [];
    const explanation =
      `at ${atMs} ms, ${atMs - quietFromMs} ms into the quiet time, the daemon made ${show(change.before)} ` +
      `${show(change.after)} at ${store}`;
    return [{ checker: 'no echo', key: change.key, explanation }];
  });
}

/** S8: a daemon changes nothing but entries and its own namespace. The mapped root it may create where it is missing. */
export function checkInsideTheLines(timeline: readonly TimelineEvent[]): Violation[] {
  return daemonChanges(timeline).flatMap(({ change, store, atMs }) => {
    if (change.place === 'entry' || change.place === 'namespace') return [];
    if (change.place === 'root' && change.change === 'created') return [];
    const explanation = `at ${atMs} ms, the daemon ${change.change} ${change.name} at ${store}`;
    return [{ checker: 'inside the lines', key: undefined, explanation }];
  });
}

function daemonChanges(
  timeline: readonly TimelineEvent[],
): { change: CommittedChange; store: string; atMs: number }[] {
  return timeline.flatMap((event) => {
    if (event.kind !== 'commit' || event.writer !== 'daemon') return [];
    return event.changes.map((change) => ({ change, store: event.store, atMs: event.atMs }));
  });
}
