import type { ObservedFile } from '../archive/observed-file.js';
import type { Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import type { ObservedReport } from '../ports/observed.js';
import { ObservedWrites } from '../sync/observed-writes.js';
import type { Side } from '../core/pair.js';

/** So much of the count may be lost when the process is killed. */
const SAVE_EVERY_MS = 10_000;

/** The count of what a mapping would write, kept over restarts. */
export class Observation {
  readonly writes: ObservedWrites;
  private saved = 0;
  private isBroken = false;

  constructor(
    private readonly file: ObservedFile,
    private readonly clock: Clock,
    private readonly logger: Logger,
    source: Side | undefined,
  ) {
    this.writes = new ObservedWrites(clock, source, file.read());
  }

  get report(): ObservedReport {
    return this.writes.state;
  }

  /** Saves now and then until `signal` aborts, and once more then. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.clock.sleep(SAVE_EVERY_MS, signal);
      await this.save();
    }
  }

  /** Numbers for people are no reason to stop observing. */
  async save(): Promise<void> {
    const { revision, state } = this.writes;
    if (revision === this.saved) return;
    try {
      await this.file.write(state);
      this.saved = revision;
      this.isBroken = false;
    } catch (err) {
      if (!this.isBroken)
        this.logger.warn({ err }, 'what was observed could not be saved; it is tried again');
      this.isBroken = true;
    }
  }
}
