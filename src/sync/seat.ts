import type { Clock } from '../ports/clock.js';
import type { Candidate, Election, Member, Queue } from '../ports/election.js';

/** One mapping's place in the election, as its loop sees it. */
export class Seat {
  /** Whether the mapping could be led by this daemon: only then it stands in the queue. Set by the loop. */
  private capable = false;
  /** Came to the head of the queue, and took the lead. */
  private accepted = false;
  private queue: Queue = [];
  private confirmedMs = -Infinity;
  private toTheEnd = false;
  private handingOver = false;

  constructor(
    readonly mapping: string,
    private readonly election: Pick<Election, 'sessionTimeoutMs'>,
    private readonly clock: Clock,
    /** Wakes the election. */
    private readonly wake: () => void,
    /** Wakes the mapping's loop. */
    private readonly changed: () => void,
  ) {}

  /** Whether this daemon may lead, as far as the election goes; the ledgers have the last word. */
  get mayLead(): boolean {
    return this.accepted && this.isCurrent;
  }

  /** Whether the lead is to be given up for a less loaded daemon's sake, as soon as nothing is in flight. */
  get isToHandOver(): boolean {
    return this.handingOver && this.accepted;
  }

  /** The daemon that is first in the queue, be it this one or another; undefined while nobody is known to be. */
  get leader(): Member | undefined {
    return this.isCurrent ? this.queue[0]?.member : undefined;
  }

  /** Whether the queue was read, within the life of a session, and nobody stood in it. */
  get isVacant(): boolean {
    return this.isCurrent && this.queue.length === 0;
  }

  setCapable(capable: boolean): void {
    if (this.capable === capable) return;
    this.capable = capable;
    if (!capable) this.accepted = false;
    this.wake();
  }

  /** Gives the lead up, and stands at the end of the queue from now on. */
  giveUp(): void {
    this.accepted = false;
    this.handingOver = false;
    this.toTheEnd = true;
    this.wake();
  }

  /** @param readAtMs when the reading began: the session was alive after that */
  observe(queue: Queue, readAtMs: number): void {
    const before = { mayLead: this.mayLead, leader: this.leader?.id };
    this.queue = queue;
    this.confirmedMs = readAtMs;
    if (!this.isFirst) this.accepted = false;
    if (before.mayLead !== this.mayLead || before.leader !== this.leader?.id) this.changed();
  }

  /** For `Leaderships` only. */
  get wish(): 'enter' | 'leave' | 'end' | 'none' {
    const isIn = this.candidates.some(({ mine }) => mine);
    if (this.toTheEnd && isIn) return 'end';
    if (this.capable && !isIn) return 'enter';
    return !this.capable && isIn ? 'leave' : 'none';
  }

  carriedOut(): void {
    this.toTheEnd = false;
  }

  get candidates(): readonly Candidate[] {
    return this.queue;
  }

  get isFirst(): boolean {
    return this.queue[0]?.mine === true;
  }

  get hasAccepted(): boolean {
    return this.accepted;
  }

  accept(): void {
    this.accepted = true;
    this.changed();
  }

  handOver(): void {
    this.handingOver = true;
    this.changed();
  }

  private get isCurrent(): boolean {
    return this.clock.monotonicMs() - this.confirmedMs < this.election.sessionTimeoutMs;
  }
}
