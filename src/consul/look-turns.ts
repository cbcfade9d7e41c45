import type { Clock } from '../ports/clock.js';

/** Enough for a store that is far away, and few enough that one that hangs does not hold up all. */
const LOOKS_MAX = 4;
const REST_MS_MAX = 1_000;

/** How many milliseconds this process has been busy since it began. */
export type BusyMs = () => number;

interface Waiting {
  readonly begin: () => void;
}

/** Those of one mapping that wait, the first one first. */
type Line = Set<Waiting>;

/**
 * Looks into the parts of all mappings take turns. A look into a part costs about the same however much has changed in it:
 * under load each waits longer, and finds more. A few look at once. After each look none is begun for as long as the process
 * was busy meanwhile, with whatever, a second at most: so looking leaves room to those who read and write.
 */
export class LookTurns {
  /** In the order in which it is their turn; none that is empty. */
  private readonly lines = new Set<Line>();
  private looking = 0;
  private busySinceMs = 0;
  private isResting = false;
  /** How long is still to be rested. */
  private restMs = 0;

  constructor(
    private readonly clock: Clock,
    /** Taken for busy all the time, without. */
    private readonly busyMs: BusyMs = () => clock.monotonicMs(),
  ) {}

  /** The turns of one mapping. Mappings that wait take turns as well, whatever changes in the others. */
  newLine(): LookLine {
    return new LookLine((line, waiting) => {
      line.add(waiting);
      this.lines.add(line);
      this.beginNext();
    }, this.ended.bind(this));
  }

  private beginNext(): void {
    while (this.looking < LOOKS_MAX && !this.isResting) {
      const waiting = this.takeFirst();
      if (waiting === undefined) return;
      if (this.looking++ === 0) this.busySinceMs = this.busyMs();
      waiting.begin();
    }
  }

  private takeFirst(): Waiting | undefined {
    for (const line of this.lines) {
      this.lines.delete(line);
      const [first] = line;
      if (first === undefined) continue;
      line.delete(first);
      if (line.size > 0) this.lines.add(line);
      return first;
    }
    return undefined;
  }

  /** @param signal ends the rest, too */
  private ended(signal: AbortSignal): void {
    const busyMs = this.busyMs();
    this.restMs += busyMs - this.busySinceMs;
    this.busySinceMs = busyMs;
    this.looking--;
    if (!this.isResting) void this.rest(signal);
  }

  private async rest(signal: AbortSignal): Promise<void> {
    this.isResting = true;
    while (this.restMs > 0) {
      const restMs = Math.min(REST_MS_MAX, this.restMs);
      this.restMs = 0;
      await this.clock.sleep(restMs, signal);
    }
    this.isResting = false;
    this.beginNext();
  }
}

/** Where the looks of one mapping wait for their turn. */
export class LookLine {
  private readonly line: Line = new Set();

  constructor(
    private readonly enter: (line: Line, waiting: Waiting) => void,
    private readonly ended: (signal: AbortSignal) => void,
  ) {}

  /**
   * Looks as soon as it is its turn.
   * @param look is told whether it had to wait
   * @throws what `look` throws, or the reason of `signal`
   */
  async take<T>(look: (hasWaited: boolean) => Promise<T>, signal: AbortSignal): Promise<T> {
    const hasWaited = await this.turn(signal);
    try {
      return await look(hasWaited);
    } finally {
      this.ended(signal);
    }
  }

  private turn(signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      let hasWaited = false;
      const giveUp = (): void => {
        this.line.delete(waiting);
        reject(signal.reason as Error);
      };
      const begin = (): void => {
        signal.removeEventListener('abort', giveUp);
        resolve(hasWaited);
      };
      const waiting = { begin };
      signal.addEventListener('abort', giveUp, { once: true });
      this.enter(this.line, waiting);
      hasWaited = true;
    });
  }
}
