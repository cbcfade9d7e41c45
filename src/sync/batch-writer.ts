import type { Batch, PlannedWrite } from '../core/batch-plan.js';
import { planBatches } from '../core/batch-plan.js';
import { PRINTS_MAX } from '../core/key-prints.js';
import type { LedgeredBatch } from '../core/ledger.js';
import type { WriteIntent } from '../core/mapping-state.js';
import type { EntryKey } from '../core/observation.js';
import type { Side } from '../core/pair.js';
import { announce, sameSingle } from '../core/write-intent.js';
import type { Rejection, WriteApplied, WriteOperation, WriteOutcome } from '../ports/replica.js';
import { auditBatch } from './audit-batch.js';
import type { MappingContext } from './context.js';
import { withGrace } from './grace.js';
import type { Intended } from './guards.js';
import type { LedgerKeeper, SentLedger } from './ledger-keeper.js';
import type { MappingMemory, OnItsWay } from './mapping-memory.js';
import { stopsMapping } from './mapping-memory.js';
import { writtenEntries } from './written.js';

/** One write on its way: what is to be done, and in the form in which a replica takes it. */
export interface WriteItem extends PlannedWrite {
  readonly intended: Intended;
  readonly operation: WriteOperation;
}

/** What became of a side's writes. Everything that is in none of the lists was applied and recorded. */
export interface WriteReport {
  /** To be looked at again at once: a condition failed, or the outcome is not known. */
  readonly again: readonly EntryKey[];
  /** Can't be written as they are. */
  readonly rejected: readonly Rejection[];
  /**
   * Whether this side's ledger has moved with the last of the writes, or is owed a write of its own: single values go
   * without it.
   */
  readonly ledger: 'moved' | 'owed' | 'untouched';
  /** The store could not take the writes now: the loop waits before it goes on. */
  readonly trouble: Error | undefined;
}

export interface Applied {
  readonly side: Side;
  readonly items: readonly WriteItem[];
  readonly outcome: WriteApplied;
  readonly sent: SentLedger | undefined;
  readonly sentAtMs: number;
  readonly acknowledgedAtMs: number;
  /** The intents that this write settles. */
  readonly settles: readonly WriteIntent[];
}

/** How long a write that is under way may take when the daemon stops. */
const WRITE_GRACE_MS = 5_000;
/** How often a batch is tried again because its ledger condition failed; each time the ledger was read anew. */
const LEDGER_RETRIES_MAX = 3;
/**
 * Batches that may be applied in a store and not be durable in the archive yet, and entries in them. A ledger has to list
 * what a killed process had not recorded: so many batches and entries, and those of the batch on its way.
 */
const BATCHES_AHEAD_MAX = 8;
const ENTRIES_AHEAD_MAX = PRINTS_MAX / 2;

/**
 * Writes what was decided to one side: in atomic batches with the ledger in each, in order, one after the other.
 * An operation that fails never holds up the others: the batch is sent again at once without it (L2).
 */
export class BatchWriter {
  constructor(
    private readonly context: MappingContext,
    private readonly memory: MappingMemory,
    private readonly ledgers: LedgerKeeper,
    private readonly record: (applied: Applied) => Promise<OnItsWay>,
    /** Told of what is about to be written. */
    private readonly touched: (side: Side, keys: readonly EntryKey[]) => void = () => undefined,
    /** Whether this daemon no longer leads the mapping. */
    private readonly isDeposed: () => boolean = () => false,
  ) {}

  async write(side: Side, intended: readonly Intended[], signal: AbortSignal): Promise<WriteReport> {
    const { gates, replicas } = this.context;
    const { limits } = replicas[side];
    const items = intended.map((one) => toItem(one, (key, bytes) => limits.operationBytes(key, bytes)));
    const plan = planBatches(items, {
      operationsMax: limits.batchOperationsMax,
      operationsWanted: gates[side].operationsWanted,
      bytesMax: limits.batchBytesMax,
      ledgerBytes: LEDGER_BYTES_MAX,
    });
    const ahead = new RecordsAhead();
    try {
      return await this.writeAll(side, plan, ahead, signal);
    } finally {
      await ahead.all();
    }
  }

  private async writeAll(
    side: Side,
    plan: readonly Batch<WriteItem>[],
    ahead: RecordsAhead,
    signal: AbortSignal,
  ): Promise<WriteReport> {
    const again: EntryKey[] = [];
    const rejected: Rejection[] = [];
    let ledger: WriteReport['ledger'] = 'untouched';
    let trouble = await this.fence(side, signal);
    for (const batch of plan) {
      if (trouble !== undefined || signal.aborted || this.isStopped()) {
        again.push(...batch.writes.map((item) => item.key));
        continue;
      }
      const report = await this.writeBatch(side, batch.writes, batch.oversize, ahead, signal);
      again.push(...report.again);
      rejected.push(...report.rejected);
      trouble = report.trouble;
      if (report.ledger !== 'untouched') ledger = report.ledger;
    }
    return { again, rejected, ledger, trouble };
  }

  /** A pause is an emergency stop, and so is a hold found while writing, or the lead lost: not another batch after it. */
  private isStopped(): boolean {
    const { paused, holds } = this.memory.known;
    return paused || holds.some(stopsMapping) || this.isDeposed();
  }

  /** Writes the ledger alone: foreign changes were seen at that side since it last moved. */
  async bump(side: Side, signal: AbortSignal): Promise<Error | undefined> {
    const ahead = new RecordsAhead();
    try {
      return (await this.writeBatch(side, [], false, ahead, signal)).trouble;
    } finally {
      await ahead.all();
    }
  }

  /**
   * Deletions that were sent, and may still arrive, can't any more once the ledger has moved: so there are never more
   * than one batch of them.
   */
  private async fence(side: Side, signal: AbortSignal): Promise<Error | undefined> {
    const isOpen = this.memory.known.intents.some(
      (intent) => intent.kind === 'deletions' && intent.side === side,
    );
    return isOpen ? this.bump(side, signal) : undefined;
  }

  private async writeBatch(
    side: Side,
    writes: readonly WriteItem[],
    oversize: boolean,
    ahead: RecordsAhead,
    signal: AbortSignal,
  ): Promise<WriteReport> {
    const again: EntryKey[] = [];
    const rejected: Rejection[] = [];
    let items = writes;
    let ledgerRetries = 0;
    for (;;) {
      const tried = items.length;
      const sent = oversize ? undefined : this.ledgers.next(side, ledgeredBatch(items));
      const intents = await this.announce(side, items, sent, oversize);
      const sentAtMs = this.context.clock.nowMs();
      const outcome = await this.send(side, items, sent, signal);
      this.count(side, items, outcome);
      auditBatch(this.context, side, items, outcome);
      switch (outcome.kind) {
        case 'applied':
          await ahead.add(
            await this.record({
              ...{ side, items, outcome, sent, sentAtMs },
              acknowledgedAtMs: this.context.clock.nowMs(),
              settles: intents,
            }),
            items.length,
          );
          return { again, rejected, ledger: sent === undefined ? 'owed' : 'moved', trouble: undefined };
        case 'condition-failed':
          again.push(...outcome.keys);
          items = without(items, outcome.keys);
          if (outcome.ledger) {
            if (++ledgerRetries > LEDGER_RETRIES_MAX) return giveBack(items, again, rejected, undefined);
            await this.refresh(side, signal);
            if (this.isStopped()) return giveBack(items, again, rejected, undefined);
          }
          break;
        case 'rejected':
          rejected.push(...outcome.rejections);
          items = without(
            items,
            outcome.rejections.map(({ key }) => key),
          );
          break;
        case 'retriable':
          this.context.gates[side].pushedBack();
          await this.withdraw(intents);
          return giveBack(items, again, rejected, outcome.cause);
        case 'unknown':
          await this.refresh(side, signal);
          return giveBack(items, again, rejected, outcome.cause);
      }
      await this.withdraw(intents);
      const hopeless = items.length === tried && !(outcome.kind === 'condition-failed' && outcome.ledger);
      if (items.length === 0 || hopeless) return giveBack(items, again, rejected, undefined);
    }
  }

  private async send(
    side: Side,
    items: readonly WriteItem[],
    sent: SentLedger | undefined,
    signal: AbortSignal,
  ): Promise<WriteOutcome> {
    const batch = { operations: items.map((item) => item.operation), ledger: sent?.write };
    this.touched(
      side,
      items.map(({ key }) => key),
    );
    const { clock, replicas, gates, metrics } = this.context;
    metrics.batch(side);
    return gates[side].pass(items.length + 1, signal, () =>
      withGrace(clock, signal, WRITE_GRACE_MS, (writing) => replicas[side].write(batch, writing)),
    );
  }

  /**
   * Records, before they are sent, the writes that leave nothing behind by which they could be recognised if the reply
   * is lost: deletions, and single values too large to go with the ledger.
   * @returns what was not announced before
   */
  private async announce(
    side: Side,
    items: readonly WriteItem[],
    sent: SentLedger | undefined,
    oversize: boolean,
  ): Promise<readonly WriteIntent[]> {
    const intents: WriteIntent[] = [];
    const keys = items.filter((item) => item.kind === 'delete').map((item) => item.key);
    if (keys.length > 0 && sent !== undefined) {
      const { generation, writer } = sent.ledger;
      intents.push({ kind: 'deletions', side, generation, writer, keys });
    }
    for (const { intended, key } of oversize ? items : []) {
      const { decision } = intended;
      if (decision.do !== 'copy') continue;
      const { source, base } = decision;
      const single = {
        kind: 'single',
        side,
        key,
        digest: source.digest,
        base: base?.version.modified,
      } as const;
      if (!this.memory.known.intents.some((known) => sameSingle(known, single))) intents.push(single);
    }
    if (intents.length > 0) {
      await this.memory.commit((state) => ({ state: { intents: announce(state.intents, intents) } }));
    }
    return intents;
  }

  private async withdraw(intents: readonly WriteIntent[]): Promise<void> {
    if (intents.length === 0) return;
    await this.memory.commit((state) => ({
      state: { intents: state.intents.filter((intent) => !intents.includes(intent)) },
    }));
  }

  private async refresh(side: Side, signal: AbortSignal): Promise<void> {
    const hold = await this.ledgers.refresh(side, signal);
    if (hold === undefined) return;
    await this.memory.addHold({ ...hold, sinceMs: this.context.clock.nowMs() });
  }

  private count(side: Side, items: readonly WriteItem[], outcome: WriteOutcome): void {
    this.context.onWritten?.(writtenEntries(side, items, outcome, this.context.clock.nowMs()));
    for (const kind of ['create', 'update', 'delete'] as const) {
      const count = items.filter((item) => item.kind === kind).length;
      if (count > 0) this.context.metrics.write(side, kind, outcome.kind, count);
    }
  }
}

/** Batches that were applied while the records of those before them were on their way to the disk. */
class RecordsAhead {
  private readonly waiting: { readonly durable: Promise<void>; readonly entries: number }[] = [];
  private entries = 0;

  /** @throws when the archive could not take one of the earlier ones */
  async add({ durable }: OnItsWay, entries: number): Promise<void> {
    this.waiting.push({ durable, entries });
    this.entries += entries;
    while (this.waiting.length > BATCHES_AHEAD_MAX || this.entries > ENTRIES_AHEAD_MAX) {
      const first = this.waiting.shift();
      if (first === undefined) return;
      await first.durable;
      this.entries -= first.entries;
    }
  }

  async all(): Promise<void> {
    await Promise.all(this.waiting.map(({ durable }) => durable));
  }
}

/** Room left in every batch for the ledger: its places, and as many batch numbers as it lists. */
const LEDGER_BYTES_MAX = 8 * 1024;

function ledgeredBatch(items: readonly WriteItem[]): LedgeredBatch {
  const keysOf = (removed: boolean): EntryKey[] =>
    items.filter((item) => (item.kind === 'delete') === removed).map((item) => item.key);
  return { copies: keysOf(false), removes: keysOf(true) };
}

function giveBack(
  items: readonly WriteItem[],
  again: readonly EntryKey[],
  rejected: readonly Rejection[],
  trouble: Error | undefined,
): WriteReport {
  const all = [...again, ...items.map((item) => item.key)];
  return { again: all, rejected, ledger: 'untouched', trouble };
}

function without(items: readonly WriteItem[], keys: readonly EntryKey[]): readonly WriteItem[] {
  const dropped = new Set(keys);
  return items.filter((item) => !dropped.has(item.key));
}

function toItem(intended: Intended, bytesOf: (key: EntryKey, valueBytes: number) => number): WriteItem {
  const { decision, mark } = intended;
  const { key } = mark;
  if (decision.do === 'remove') {
    const operation: WriteOperation = { kind: 'delete', key, base: decision.base };
    return { key, kind: 'delete', bytes: bytesOf(key, 0), order: 0n, intended, operation };
  }
  const { source, base, ordered } = decision;
  const { value } = source;
  const operation: WriteOperation =
    base === undefined
      ? { kind: 'create', key, value, flags: ordered?.flags, access: ordered?.access }
      : { kind: 'update', key, value, base };
  const bytes = bytesOf(key, value.length) + (ordered?.access?.length ?? 0);
  return { key, kind: operation.kind, bytes, order: source.version.modified, intended, operation };
}
