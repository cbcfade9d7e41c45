import type { ClientWrite } from '../kit/history/history.js';
import type { ChaosOptions, ChaosResult } from './run-chaos.js';

const VIOLATIONS_SHOWN_MAX = 20;

/** What a run has seen, in figures, for a person. */
export function summaryLines(options: Omit<ChaosOptions, 'tell' | 'keep'>, result: ChaosResult): string[] {
  const { histories, faults, convergedAfterMs, propagation, violations, holdsSeen, ledgers } = result;
  const all = [...histories.values()];
  const conflicts = all.flatMap(({ journal }) => journal);
  const minutes = (options.forMs / 60_000).toFixed(1);
  const sightings = [...ledgers.values()].flat();
  const writers = new Set(sightings.map(({ writer }) => writer));
  return [
    `seed ${options.seed}, ${minutes} min, daemons: ${options.daemons}, mappings: ${options.mappings}`,
    ...writeLines(all.flatMap(({ writes }) => writes)),
    `entries in the end: ${all.reduce((sum, { finals }) => sum + finals.consul.size, 0)}`,
    `faults: ${total(faults)}`,
    ...countLines(faults),
    `ledger versions seen: ${sightings.length}, writers: ${writers.size}`,
    `changes carried over: ${propagation.count}; half of them within ${propagation.quantile(0.5)} s, ` +
      `99 % within ${propagation.quantile(0.99)} s (from being noticed to being acknowledged)`,
    `conflicts in journals: ${conflicts.length}`,
    ...countLines(countBy(conflicts, ({ kind }) => kind)),
    `holds seen: ${total(holdsSeen)}`,
    ...countLines(holdsSeen),
    `converged: ${convergedAfterMs === undefined ? 'no' : `${(convergedAfterMs / 1000).toFixed(1)} s after all was well`}`,
    ...violations.slice(0, VIOLATIONS_SHOWN_MAX).map(({ checker, key, explanation }) => {
      return `BROKEN ${checker}: ${key === undefined ? '' : `${key}: `}${explanation}`;
    }),
    violations.length === 0 ? 'verdict: all promises kept' : `verdict: broken (${violations.length})`,
  ];
}

function writeLines(writes: readonly ClientWrite[]): string[] {
  const kinds = countBy(writes, ({ store, value, outcome }) => {
    return `${store} ${value === undefined ? 'deletions' : 'puts'} ${outcome}`;
  });
  return [`clients' writes: ${writes.length}`, ...countLines(kinds)];
}

function countLines(counts: ReadonlyMap<string, number>): string[] {
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, count]) => `  ${name}: ${count}`);
}

function countBy<T>(items: readonly T[], nameOf: (item: T) => string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(nameOf(item), (counts.get(nameOf(item)) ?? 0) + 1);
  return counts;
}

function total(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}
