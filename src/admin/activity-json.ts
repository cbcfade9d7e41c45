import type { Pair } from '../core/pair.js';
import type { WrittenEntry } from '../ports/written.js';
import { isoTime } from './iso-time.js';
import type { ActivitySample } from './recent-activity.js';
import { REPLICA_NAMES } from './replica-names.js';

/** The body of `GET /api/v1/mappings/NAME/history`. */
export function historyJson(samples: readonly ActivitySample[]) {
  return { samples: samples.map(sampleJson) };
}

function sampleJson({ atMs, lengthMs, writes, lag, pending }: ActivitySample) {
  const perSecond = (count: number) => Math.round((count / Math.max(1, lengthMs)) * 1_000 * 100) / 100;
  return {
    at: isoTime(atMs),
    writesPerSecond: { toZookeeper: perSecond(writes.left), toConsul: perSecond(writes.right) },
    lag: directions(lag, (side) => side ?? null),
    pending: directions(pending, (count) => count),
  };
}

/** The body of `GET /api/v1/mappings/NAME/changes`. */
export function changesJson(changes: readonly WrittenEntry[]) {
  return { changes: changes.map(changeJson) };
}

function changeJson({ key, on, operation, cause, sourceVersion, result, atMs }: WrittenEntry) {
  return {
    at: isoTime(atMs),
    key,
    operation,
    from: REPLICA_NAMES[on === 'left' ? 'right' : 'left'],
    to: REPLICA_NAMES[on],
    cause,
    /** 64 bits: as text. */
    sourceVersion: sourceVersion?.toString() ?? null,
    result,
  };
}

function directions<T, R>(pair: Pair<T>, show: (value: T) => R) {
  return { toZookeeper: show(pair.left), toConsul: show(pair.right) };
}
