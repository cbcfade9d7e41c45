import { styleText } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';

const WIDTH = 100;
const SHOWN_MAX = 400;
const POLL_INTERVAL_MS = 1;
const ARRIVAL_TIMEOUT_MS = 15_000;

type Style = Parameters<typeof styleText>[0];

/** What was read last, and how long it took to become what was wanted (or to be given up). */
export interface Arrival<T> {
  readonly value: T;
  readonly tookMs: number;
}

/**
 * The demo's terminal output. A claim is printed only together with the check that it holds: every line with a mark
 * was compared with what the stores' own clients read.
 */
export class Report {
  private readonly isColoured = process.stdout.isTTY && process.env['NO_COLOR'] === undefined;
  private scenes = 0;
  private verified = 0;
  private failed = 0;

  title(text: string): void {
    this.print(`\n${this.style('bold', text)}`);
  }

  scene(text: string): void {
    this.scenes++;
    this.print(`\n${this.style('bold', `${String(this.scenes)}  ${text}`)}`);
  }

  /** Something that was done, or is worth knowing; nothing is claimed. */
  note(text: string): void {
    this.print(`   ${this.style('dim', text)}`);
  }

  /** A line that is not of the demo's own telling: an address, a command to try. */
  line(text = ''): void {
    this.print(text === '' ? '' : `   ${text}`);
  }

  /** Compares what was expected with what was seen, and prints the claim with the outcome. */
  check<T>(claim: string, expected: T, seen: T, measured = ''): boolean {
    const isTrue = show(expected) === show(seen);
    if (isTrue) this.verified++;
    else this.failed++;
    const mark = isTrue ? this.style('green', '✓') : this.style('red', '✗');
    const gap = ' '.repeat(Math.max(2, WIDTH - 5 - claim.length - measured.length));
    this.print(`   ${mark} ${claim}${measured === '' ? '' : `${gap}${this.style('cyan', measured)}`}`);
    if (!isTrue) this.tellDifference(show(expected), show(seen));
    return isTrue;
  }

  /** Something broke on the way: what it was about could not be verified. */
  broken(what: string, error: unknown): void {
    this.failed++;
    this.print(`   ${this.style('red', '✗')} ${what}: ${describeError(error)}`);
  }

  /** @returns whether everything that was shown was verified, and something was */
  summary(tookMs: number): boolean {
    const isGood = this.failed === 0 && this.verified > 0;
    const outcome = isGood
      ? this.style('green', `All ${String(this.verified)} claims above were verified in the stores`)
      : this.style('red', `${String(this.failed)} of ${String(this.verified + this.failed)} claims failed`);
    this.print(`\n${outcome} (${(tookMs / 1000).toFixed(1)} s).`);
    return isGood;
  }

  private tellDifference(expected: string, seen: string): void {
    this.print(`       expected  ${shortened(expected)}`);
    this.print(`       seen      ${shortened(seen)}`);
  }

  private style(style: Style, text: string): string {
    return this.isColoured ? styleText(style, text) : text;
  }

  private print(text: string): void {
    process.stdout.write(`${text}\n`);
  }
}

/**
 * Reads again and again until it is what is wanted, or time is up. The time runs from the call on, so measured latencies
 * include one read, and are late by no more than another.
 */
export async function arrival<T>(read: () => Promise<T>, wanted: T): Promise<Arrival<T>> {
  const startedMs = performance.now();
  for (;;) {
    const value = await read();
    const tookMs = performance.now() - startedMs;
    if (show(value) === show(wanted) || tookMs > ARRIVAL_TIMEOUT_MS) return { value, tookMs };
    await sleep(POLL_INTERVAL_MS);
  }
}

export function inMs(tookMs: number): string {
  return `${tookMs.toFixed(tookMs < 10 ? 1 : 0)} ms`;
}

export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message} (${describeError(error.cause)})`;
}

function shortened(text: string): string {
  return text.length <= SHOWN_MAX
    ? text
    : `${text.slice(0, SHOWN_MAX)}... (${String(text.length)} characters)`;
}

/** What is compared, and printed when it differs; values that are not there are `nothing`. */
function show(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value);
}
