import type { Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import type { MarkerPlace } from '../ports/canary.js';
import type { CanaryArrival } from '../ports/status.js';

/** How often it is looked whether a marker has arrived, while nothing says that it has. */
const LOOK_EVERY_MS = 1_000;
/** After which time a marker that has not arrived is written again. */
const WRITTEN_AGAIN_MS = 10_000;
/** How long a marker may be under way, beyond the time between two of them, before it is told of. */
export const LATE_MS = 30_000;

export interface MarkerFlightOptions {
  /** Where markers are written, and where they have to arrive. */
  readonly from: Pick<MarkerPlace, 'write'>;
  readonly to: Pick<MarkerPlace, 'read'>;
  /** What the two are called. */
  readonly names: { readonly from: string; readonly to: string };
  /** Names this process in its markers. */
  readonly writer: string;
  readonly everyMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether markers are to be written now: only by the daemon that leads, and not while everything is paused. */
  readonly isOn: () => boolean;
  /** What the loop that carries them over says of itself. */
  readonly problem: () => string | undefined;
  readonly onArrival: (seconds: number) => void;
}

/**
 * Sends markers from one store to the other, one at a time, and measures how long each takes: from the moment its write
 * is sent until it is read at the other store, by the clock of this process alone. One that does not arrive is written
 * again now and then, and its lag counts from the first time.
 */
export class MarkerFlight {
  private waking = new AbortController();
  /** Monotonic milliseconds of when markers began to be written here; undefined while they are not. */
  private onSinceMs: number | undefined;
  private onSinceWallMs = 0;
  private number = 0;
  /** The first of the markers that were sent since one has arrived. */
  private underWay: { readonly number: number; readonly sentMs: number } | undefined;
  private lastSentMs = -Infinity;
  private last: { readonly seenMs: number; readonly seenAtMs: number; readonly lagMs: number } | undefined;
  private trouble: string | undefined;
  private wasLate = false;

  constructor(private readonly options: MarkerFlightOptions) {}

  /** Runs until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.waking = new AbortController();
      const pauseMs = await this.turn(signal);
      this.tell();
      await this.options.clock.sleep(pauseMs, AbortSignal.any([signal, this.waking.signal]));
    }
  }

  /** Something was written at the other store: the marker may have arrived. */
  wake(): void {
    if (this.underWay !== undefined) this.waking.abort();
  }

  get arrival(): CanaryArrival {
    const { ageMs, last } = this;
    return {
      lagSeconds: last === undefined ? undefined : last.lagMs / 1000,
      lastSeenAtMs: last?.seenAtMs,
      ageSeconds: ageMs === undefined ? undefined : ageMs / 1000,
      problem: this.isLate ? this.describe() : undefined,
    };
  }

  /** How long ago one arrived, or since when one is waited for. */
  private get ageMs(): number | undefined {
    if (this.onSinceMs === undefined || !this.options.isOn()) return undefined;
    return this.options.clock.monotonicMs() - Math.max(this.onSinceMs, this.last?.seenMs ?? -Infinity);
  }

  private get isLate(): boolean {
    return (this.ageMs ?? 0) > this.options.everyMs + LATE_MS;
  }

  /** @returns how long to wait for the next turn, unless it is woken */
  private async turn(signal: AbortSignal): Promise<number> {
    const { clock, isOn, everyMs } = this.options;
    if (!isOn()) {
      this.rest();
      return LOOK_EVERY_MS;
    }
    if (this.onSinceMs === undefined) {
      this.onSinceMs = clock.monotonicMs();
      this.onSinceWallMs = clock.nowMs();
    }
    if (this.underWay !== undefined) await this.look(signal);
    const pauseMs = this.underWay === undefined ? everyMs : Math.max(everyMs, WRITTEN_AGAIN_MS);
    if (clock.monotonicMs() - this.lastSentMs >= pauseMs) await this.send(signal);
    if (this.underWay !== undefined) return LOOK_EVERY_MS;
    return Math.max(0, this.lastSentMs + everyMs - clock.monotonicMs());
  }

  private rest(): void {
    this.onSinceMs = undefined;
    this.underWay = undefined;
    this.trouble = undefined;
  }

  private async send(signal: AbortSignal): Promise<void> {
    const { from, clock, writer, names } = this.options;
    const number = ++this.number;
    const sentMs = clock.monotonicMs();
    const before = this.underWay;
    this.lastSentMs = sentMs;
    this.underWay ??= { number, sentMs };
    try {
      await from.write(`${writer} ${number}`, signal);
      this.trouble = undefined;
    } catch (error) {
      // Nobody counts on what a store did not take.
      this.underWay = before;
      this.trouble = `none could be written to ${names.from}: ${messageOf(error)}`;
    }
  }

  private async look(signal: AbortSignal): Promise<void> {
    const { to, clock, names, onArrival } = this.options;
    try {
      const marker = await to.read(signal);
      const seenMs = clock.monotonicMs();
      this.trouble = undefined;
      if (this.underWay === undefined || !this.isOf(marker, this.underWay.number)) return;
      const lagMs = seenMs - this.underWay.sentMs;
      this.last = { seenMs, seenAtMs: clock.nowMs(), lagMs };
      this.underWay = undefined;
      onArrival(lagMs / 1000);
    } catch (error) {
      this.trouble = `${names.to} can't be read: ${messageOf(error)}`;
    }
  }

  /** Whether a marker is this process's, and as new as `number`. */
  private isOf(marker: string | undefined, number: number): boolean {
    const [writer, text] = marker?.split(' ') ?? [];
    return writer === this.options.writer && Number(text) >= number;
  }

  /** A line when they stop to arrive, and one when they do again. */
  private tell(): void {
    const { isLate } = this;
    if (isLate === this.wasLate) return;
    this.wasLate = isLate;
    const { logger, names } = this.options;
    if (isLate) logger.warn({}, `canary: ${this.describe()}`);
    else if (this.onSinceMs !== undefined) logger.info({}, `canary: markers arrive in ${names.to} again`);
  }

  private describe(): string {
    const { names, problem } = this.options;
    const since = new Date(Math.max(this.onSinceWallMs, this.last?.seenAtMs ?? -Infinity)).toISOString();
    const why = this.trouble ?? problem() ?? `what was written to ${names.from} is not there yet`;
    return `no marker has arrived in ${names.to} since ${since}: ${why}`;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
