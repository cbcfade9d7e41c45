const UNITS = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
  ['s', 1],
] as const;

/** A span of time in its two largest units: `3 d 4 h`, `12 min 5 s`, `0 s`. */
export function showDuration(seconds: number): string {
  let rest = Math.max(0, Math.round(seconds));
  const first = UNITS.findIndex(([, length]) => rest >= length);
  const parts = UNITS.slice(first < 0 ? -1 : first)
    .slice(0, 2)
    .map(([unit, length]) => {
      const count = Math.floor(rest / length);
      rest -= count * length;
      return { count, text: `${count} ${unit}` };
    });
  const shown = parts.filter(({ count }, i) => i === 0 || count > 0);
  return shown.map(({ text }) => text).join(' ');
}

/** How long ago something was, by ISO 8601; `never` for null. */
export function showAge(time: string | null, nowMs: number): string {
  return time === null ? 'never' : `${showDuration((nowMs - Date.parse(time)) / 1000)} ago`;
}

export function showCount(count: number): string {
  return count.toLocaleString('en-US');
}

/** `1 entry`, `2,000 entries`. */
export function showCounted(count: number, one: string, many: string): string {
  return `${showCount(count)} ${count === 1 ? one : many}`;
}
