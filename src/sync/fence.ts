import type { Side } from '../core/pair.js';
import { SIDES, withSide } from '../core/pair.js';
import { measureOffset } from '../core/write-interval.js';
import { ReplicaError } from '../ports/errors.js';
import type { WriteOutcome } from '../ports/replica.js';
import type { MappingContext } from './context.js';
import { withGrace } from './grace.js';
import { LedgerKeeper } from './ledger-keeper.js';
import type { SentLedger } from './ledger-keeper.js';
import type { MappingMemory } from './mapping-memory.js';

/** How often the ledgers may move under the eyes of who takes over: once for each batch still on its way. */
const ATTEMPTS_MAX = 20;
/** How long a ledger write that is under way may take when the daemon stops. */
const FENCE_GRACE_MS = 2_000;

/**
 * Moves the ledgers and nothing else. Once one has moved, no batch that was sent before can arrive any more, be it of a
 * process before this one, or of another daemon that led (S3).
 */
export class Fence {
  constructor(
    private readonly context: MappingContext,
    private readonly memory: MappingMemory,
    private readonly ledgers: LedgerKeeper,
  ) {}

  /**
   * Against what an earlier process left under way. The source of a one-way mapping gets no batches, and where the ledger
   * is denied, so are they.
   * @throws ReplicaError
   */
  async raise(signal: AbortSignal): Promise<void> {
    await this.ledgers.announce();
    for (const side of SIDES) {
      const sent = this.context.policy.source === side ? undefined : this.ledgers.next(side);
      if (sent === undefined) continue;
      const outcome = await this.send(side, sent, signal);
      if (outcome.kind !== 'applied' && !isDenied(outcome)) throw this.failure(side, outcome);
    }
  }

  /**
   * Ends another daemon's lead.
   * @param isStillNext reads the ledgers anew, and tells whether to go on
   * @returns whether both ledgers carry this process's name now
   * @throws ReplicaError
   */
  async depose(isStillNext: () => Promise<boolean>, signal: AbortSignal): Promise<boolean> {
    await this.forgetClocks();
    await this.ledgers.announce();
    for (const side of SIDES) if (!(await this.deposeOn(side, isStillNext, signal))) return false;
    return true;
  }

  /** Writes one ledger, and records what came of it. */
  async send(side: Side, sent: SentLedger, signal: AbortSignal): Promise<WriteOutcome> {
    const { clock, replicas } = this.context;
    const sentAtMs = clock.nowMs();
    const batch = { operations: [], ledger: sent.write };
    const outcome = await withGrace(clock, signal, FENCE_GRACE_MS, (writing) =>
      replicas[side].write(batch, writing),
    );
    if (outcome.kind === 'applied' && outcome.ledger !== undefined) {
      const mirror = LedgerKeeper.applied(sent, outcome.ledger);
      await this.ledgers.moved(side, mirror);
      const { stamp } = outcome;
      const offset = stamp && measureOffset(undefined, stamp, sentAtMs, clock.nowMs());
      await this.memory.commit(({ clockOffsets }) => ({
        state: { clockOffsets: withSide(clockOffsets, side, offset) },
      }));
    }
    return outcome;
  }

  /** Whether clocks were set since the last lead, nobody knows: what was measured then counts no more. */
  async forgetClocks(): Promise<void> {
    await this.memory.commit(() => ({ state: { clockOffsets: { left: undefined, right: undefined } } }));
  }

  failure(side: Side, outcome: WriteOutcome): ReplicaError {
    const name = this.context.sideNames[side];
    const detail = outcome.kind === 'rejected' ? (outcome.rejections[0]?.detail ?? 'rejected') : outcome.kind;
    const cause = outcome.kind === 'retriable' || outcome.kind === 'unknown' ? outcome.cause : undefined;
    return new ReplicaError(
      outcome.kind === 'rejected' ? 'STORE_DENIED' : 'STORE_UNREACHABLE',
      `could not write the ledger of mapping ${this.context.name} to ${name}: ${cause?.message ?? detail}; ` +
        'the daemon needs write access to its own namespace zk-consul-sync/',
      outcome.kind !== 'rejected',
      cause === undefined ? undefined : { cause },
    );
  }

  private async deposeOn(
    side: Side,
    isStillNext: () => Promise<boolean>,
    signal: AbortSignal,
  ): Promise<boolean> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const sent = this.ledgers.next(side);
      if (sent === undefined) return true;
      const outcome = await this.send(side, sent, signal);
      if (outcome.kind === 'applied') return true;
      if (isDenied(outcome) && this.context.policy.source === side) {
        await this.memory.commit((state) => ({ state: { ledgerless: [...state.ledgerless, side] } }));
        return true;
      }
      if (isDenied(outcome) || outcome.kind === 'retriable') throw this.failure(side, outcome);
      if (!(await isStillNext())) return false;
      // Its answer was lost, and it is there.
      if (this.memory.known.ledgers[side]?.writer === this.ledgers.writer) return true;
    }
    return false;
  }
}

/** Whether the store answered that the ledger may not be written, which no waiting would change. */
export function isDenied(outcome: WriteOutcome): boolean {
  if (outcome.kind === 'rejected') return true;
  if (outcome.kind !== 'retriable') return false;
  return outcome.cause instanceof ReplicaError && outcome.cause.code === 'STORE_DENIED';
}
