import type { Pair } from '../core/pair.js';
import type { ObservedCounts, ObservedReport } from '../ports/observed.js';
import { isoTime } from './iso-time.js';
import { REPLICA_NAMES } from './replica-names.js';

/** The body of `GET /api/v1/mappings/NAME/observed`. */
export function observedJson(mapping: string, observing: boolean, report: ObservedReport | undefined) {
  return {
    mapping,
    observing,
    since: isoTime(report?.sinceMs),
    totals: report === undefined ? null : countsJson(report.totals),
    days: (report?.days ?? []).map((day) => ({ day: day.day, ...countsJson(day) })),
    latest: (report?.latest ?? []).map(({ atMs, action, on, key }) => ({
      at: isoTime(atMs),
      action,
      on: on === undefined ? null : REPLICA_NAMES[on],
      key,
    })),
  };
}

function countsJson({ create, update, delete: deletes, conflict, undecided }: ObservedCounts) {
  return {
    create: byStore(create),
    update: byStore(update),
    delete: byStore(deletes),
    conflict: byStore(conflict),
    undecided,
  };
}

function byStore({ left, right }: Pair<number>) {
  return { zookeeper: left, consul: right };
}
