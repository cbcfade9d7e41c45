import { printableText } from '../../core/printable-text.js';

const KEY_CHARACTERS_MAX = 300;
const MINUTE_SECONDS = 60;
const UNITS: ReadonlyArray<readonly [number, string]> = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
  [1, 's'],
];

/** Text of unknown origin on one line: what would be invisible, or turn the line around, is escaped. */
export function shownText(text: string): string {
  return printableText(text);
}

/** A key, cut where it is very long. */
export function shownKey(key: string): string {
  const shown = printableText(key);
  if (shown === '') return '(empty)';
  return shown.length <= KEY_CHARACTERS_MAX
    ? shown
    : `${shown.slice(0, KEY_CHARACTERS_MAX)}… (${count(key.length)} characters)`;
}

/** One line of a value. Tabs are what they are in a file. */
export function shownLine(line: string): string {
  return line.split('\t').map(printableText).join('\t');
}

export function count(value: number): string {
  return value.toLocaleString('en-GB');
}

export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** Seconds as the two largest units: `2 h 5 min`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const at = UNITS.findIndex(([size]) => whole >= size);
  if (at === -1) return '0 s';
  const [size = 1, unit = 's'] = UNITS[at] ?? [];
  const [nextSize, nextUnit] = UNITS[at + 1] ?? [];
  const rest = nextSize === undefined ? 0 : Math.floor((whole % size) / nextSize);
  return `${Math.floor(whole / size)} ${unit}${rest > 0 && nextUnit !== undefined ? ` ${rest} ${nextUnit}` : ''}`;
}

export function milliseconds(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  return ms < 60_000 ? `${(ms / 1_000).toFixed(1)} s` : duration(ms / 1_000);
}

export function bytes(value: number): string {
  return value < 1_024 ? counted(value, 'byte') : `${(value / 1_024).toFixed(1)} KiB`;
}

/** How long ago, without seconds where they no longer matter. */
export function ago(iso: string, nowMs: number): string {
  const seconds = (nowMs - Date.parse(iso)) / 1_000;
  if (seconds < 1) return 'just now';
  const isFresh = seconds < MINUTE_SECONDS;
  return `${duration(isFresh ? seconds : seconds - (seconds % MINUTE_SECONDS))} ago`;
}

/** In the browser's time zone, with the day where it is not today. */
export function localTime(iso: string): string {
  const at = new Date(iso);
  const isToday = at.toDateString() === new Date().toDateString();
  const time = at.toLocaleTimeString('en-GB');
  return isToday ? time : `${at.toLocaleDateString('en-CA')} ${time}`;
}
