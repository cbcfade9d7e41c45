import type { Parsed } from './problem.js';
import { parsed, refused } from './problem.js';

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A whole number with a unit. */
export const DURATION_PATTERN = /^(\d{1,9})(ms|s|m|h|d)$/;

/** The milliseconds of `500ms`, `15s`, `10m`, `1h` or `30d`. */
export function parseDuration(text: string): Parsed<number> {
  const match = DURATION_PATTERN.exec(text);
  if (match === null) {
    return refused(/^\d+$/.test(text) ? 'the unit is missing' : 'not a whole number followed by its unit');
  }
  const [, count, unit] = match;
  return parsed(Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS]);
}

/** The shortest text for a whole number of milliseconds. */
export function formatDuration(durationMs: number): string {
  const units = Object.entries(UNIT_MS).toReversed();
  const [unit, unitMs] = units.find(([, ms]) => durationMs % ms === 0) ?? ['ms', 1];
  return durationMs === 0 ? '0s' : `${durationMs / unitMs}${unit}`;
}
