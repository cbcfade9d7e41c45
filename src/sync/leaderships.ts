import { belongsElsewhere, ledBy, leavesTheLead, nextHandover } from '../core/leadership-balance.js';
import type { Clock } from '../ports/clock.js';
import type { Election } from '../ports/election.js';
import type { Logger } from '../ports/logger.js';
import { Seat } from './seat.js';

/** How often the queues are read, whether or not anything was told. */
const READ_EVERY_MS = 1_000;
/** A lead is handed over at most this often, and only while the queues have stood still for a while. */
const HAND_OVER_EVERY_MS = 5_000;
/** How long a place that was left for somebody less loaded is not left again. */
const STEP_BACK_EVERY_MS = 10_000;
/** How long giving up a place may take when a mapping stops. */
const LEAVE_TIMEOUT_MS = 2_000;

export interface LeadershipsOptions {
  readonly election: Election;
  readonly clock: Clock;
  readonly logger: Logger;
  /** One of the names is no mapping's: it is led where mappings are, and counts for none. */
  readonly follower?: string;
}

/**
 * Takes part in the elections of all mappings of a daemon: stands in the queues of those that it could lead, takes the
 * lead where it is first, and leaves or hands over the lead where another daemon leads fewer.
 */
export class Leaderships {
  private readonly seats = new Map<string, Seat>();
  private readonly steppedBackMs = new Map<string, number>();
  private handedOverMs = -Infinity;
  /** The queues as they were, and since when. */
  private standing = { text: '', sinceMs: 0 };
  private waking = new AbortController();
  private trouble: string | undefined;

  constructor(private readonly options: LeadershipsOptions) {}

  get self(): Election['self'] {
    return this.options.election.self;
  }

  /** With which sessions the daemons of this instance stand in the queues, as they were read last. */
  get sessions(): readonly string[] {
    const candidates = [...this.seats.values()].flatMap((seat) => seat.candidates);
    return candidates.map(({ session }) => session);
  }

  /** @param changed told when the seat's standing may have changed */
  seat(mapping: string, changed: () => void): Seat {
    const { election, clock } = this.options;
    const seat = new Seat(mapping, election, clock, () => this.wake(), changed);
    this.seats.set(mapping, seat);
    this.wake();
    return seat;
  }

  /** Gives up the place of a mapping that has stopped, so that another daemon leads at once. */
  async release(seat: Seat): Promise<void> {
    if (this.seats.get(seat.mapping) === seat) this.seats.delete(seat.mapping);
    const timeout = new AbortController();
    const timedOut = this.options.clock.sleep(LEAVE_TIMEOUT_MS, timeout.signal).then(() => timeout.abort());
    try {
      await this.options.election.leave(seat.mapping, timeout.signal);
    } catch (error) {
      // It ends with the session.
      this.options.logger.debug(
        { err: error, mapping: seat.mapping },
        'could not give up the place in the queue',
      );
    }
    timeout.abort();
    await timedOut;
  }

  /** Runs until `signal` aborts. Places are given up by `release`. */
  async run(signal: AbortSignal): Promise<void> {
    const { election, logger } = this.options;
    const unlisten = election.onChange(() => this.wake());
    while (!signal.aborted) {
      this.waking = new AbortController();
      let isSettled = true;
      try {
        isSettled = await this.turn(signal);
        this.trouble = undefined;
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        if (!signal.aborted && message !== this.trouble) logger.warn({ err: error }, `election: ${message}`);
        this.trouble = message;
      }
      const pauseMs = this.trouble === undefined ? READ_EVERY_MS : READ_EVERY_MS / 2;
      if (isSettled) await this.wait(pauseMs, signal);
    }
    unlisten();
  }

  /** @returns false when something was changed, so that the queues are to be read again at once */
  private async turn(signal: AbortSignal): Promise<boolean> {
    const { election, clock } = this.options;
    const seats = [...this.seats.values()];
    const readAtMs = clock.monotonicMs();
    const queues = await election.queues(
      seats.map(({ mapping }) => mapping),
      signal,
    );
    for (const seat of seats) seat.observe(queues.get(seat.mapping) ?? [], readAtMs);
    let isSettled = true;
    for (const seat of seats) if (await this.carryOut(seat, signal)) isSettled = false;
    if (!isSettled) return false;
    for (const seat of seats) {
      if (!seat.isFirst || seat.hasAccepted || this.seats.get(seat.mapping) !== seat) continue;
      if (this.stepsBack(seat)) {
        seat.giveUp();
        isSettled = false;
      } else seat.accept();
    }
    if (isSettled) this.handOverIfDue();
    return isSettled;
  }

  private async carryOut(seat: Seat, signal: AbortSignal): Promise<boolean> {
    const { election } = this.options;
    const { wish, mapping } = seat;
    if (wish === 'none' || this.seats.get(mapping) !== seat) return false;
    if (wish !== 'enter') await election.leave(mapping, signal);
    if (wish !== 'leave') await election.enter(mapping, signal);
    // It may have been released meanwhile: nobody would give the place up any more.
    if (this.seats.get(mapping) !== seat) await election.leave(mapping, signal);
    seat.carriedOut();
    return true;
  }

  private stepsBack(seat: Seat): boolean {
    const nowMs = this.options.clock.monotonicMs();
    if (!this.leadsTooMany(seat)) return false;
    if (nowMs - (this.steppedBackMs.get(seat.mapping) ?? -Infinity) < STEP_BACK_EVERY_MS) return false;
    this.steppedBackMs.set(seat.mapping, nowMs);
    return true;
  }

  /** Whether a daemon behind this one does better to lead. */
  private leadsTooMany(seat: Seat): boolean {
    const led = ledBy(this.queues());
    const members = seat.candidates.map(({ member }) => member.id);
    if (seat.mapping === this.options.follower) return belongsElsewhere(members, led);
    const mine = this.mappingSeats.filter((other) => other !== seat && other.hasAccepted).length;
    return leavesTheLead(mine, members.slice(1), led);
  }

  private handOverIfDue(): void {
    const { clock, logger, election } = this.options;
    const nowMs = clock.monotonicMs();
    const queues = this.queues();
    const text = JSON.stringify([...queues]);
    if (text !== this.standing.text) this.standing = { text, sinceMs: nowMs };
    if (nowMs - this.standing.sinceMs < 2 * READ_EVERY_MS) return;
    if (nowMs - this.handedOverMs < HAND_OVER_EVERY_MS) return;
    const move = nextHandover(queues);
    if (move?.from === election.self.id) {
      this.handedOverMs = nowMs;
      const seat = this.seats.get(move.mapping);
      if (seat?.mayLead !== true) return;
      logger.info({ mapping: move.mapping }, 'handing over to a daemon that leads fewer mappings');
      seat.handOver();
    } else this.handFollowerOver(nowMs);
  }

  private handFollowerOver(nowMs: number): void {
    const seat = this.seats.get(this.options.follower ?? '');
    if (seat?.mayLead !== true || !this.leadsTooMany(seat)) return;
    this.handedOverMs = nowMs;
    seat.handOver();
  }

  private queues(): Map<string, readonly string[]> {
    return new Map(
      this.mappingSeats.map(({ mapping, candidates }) => [
        mapping,
        candidates.map(({ member }) => member.id),
      ]),
    );
  }

  private get mappingSeats(): readonly Seat[] {
    return [...this.seats.values()].filter(({ mapping }) => mapping !== this.options.follower);
  }

  private wake(): void {
    this.waking.abort();
  }

  private async wait(ms: number, signal: AbortSignal): Promise<void> {
    await this.options.clock.sleep(ms, AbortSignal.any([signal, this.waking.signal]));
  }
}
