import type { PlannedWrite } from '../core/batch-plan.js';
import { planBatches } from '../core/batch-plan.js';
import { isStructure } from '../core/classify.js';
import type { AbsentReading, Digest, EntryKey, PresentReading, Reading } from '../core/observation.js';
import { ReplicaError } from '../ports/errors.js';
import type { Clock, Random } from '../ports/clock.js';
import type { Replica, ReplicaLimits, SkipReason, WriteApplied, WriteOperation } from '../ports/replica.js';
import { Backoff } from './backoff.js';
import type { WriteGate } from './write-gate.js';

/** What somebody wants an entry to be. */
export type Wanted =
  | {
      readonly kind: 'content';
      readonly key: EntryKey;
      readonly value: Uint8Array;
      readonly digest: Digest;
      /** For the entry when it has to be made. */
      readonly attributes: Pick<WriteOperation & { kind: 'create' }, 'flags' | 'access'>;
      /** Why it must not be made, if that is so: only an entry that is there gets the content. */
      readonly onlyIfThere?: string | undefined;
      /** Not everybody may read it: it must not go where everybody may, as far as the store tells. */
      readonly isSecret?: boolean;
    }
  /** Gone, as long as it is the very entry that was seen: at this version. */
  | { readonly kind: 'removal'; readonly key: EntryKey; readonly seen: bigint };

/** What that takes, given what the store holds. */
export type Need =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'write'; readonly operation: WriteOperation }
  | { readonly kind: 'left-out'; readonly reason: LeftOutReason; readonly detail: string };

/** A wanted entry that was looked at. */
export interface Judged {
  readonly wanted: Wanted;
  readonly need: Need;
}

export type LeftOutReason = SkipReason | 'unreachable' | 'changed' | 'keeps-changing' | 'hidden-acl';

export interface LeftOutEntry {
  readonly key: EntryKey;
  readonly reason: LeftOutReason;
  readonly detail: string;
}

/** What has become of wanted entries. */
export interface WrittenContent {
  readonly create: number;
  readonly update: number;
  readonly delete: number;
  /** They were as wanted already. */
  readonly same: number;
  readonly leftOut: readonly LeftOutEntry[];
  /** Deleted and made again by a client in the very moment of the write, which has replaced that, too. */
  readonly overwrittenInRace: readonly EntryKey[];
}

interface Item extends PlannedWrite {
  readonly wanted: Wanted;
  readonly operation: WriteOperation;
}

/** How many looks in a row may end without any entry being settled, because others changed all of them meanwhile. */
const IDLE_LOOKS_MAX = 6;
/** How often in a row a store may refuse all work before it is given up. */
const REFUSALS_MAX = 4;
const FIRST_REST_MS = 500;

/**
 * Writes contents to one store as any client would: without the ledger, so that a daemon carries them over like anyone's.
 * What is as wanted already is left alone, and every write is under the condition of what was read (S3).
 */
export class ContentWriter {
  private readonly backoff: Backoff;
  private refusals = 0;

  constructor(
    private readonly replica: Pick<Replica, 'read' | 'write' | 'limits'>,
    private readonly gate: WriteGate,
    private readonly clock: Clock,
    random: Random,
  ) {
    this.backoff = new Backoff(random, FIRST_REST_MS);
  }

  /**
   * Looks at what the store holds, and says what is needed; writes nothing. As many entries at a time as the store
   * answers together.
   * @throws ReplicaError
   */
  async *look(wanted: readonly Wanted[], signal: AbortSignal): AsyncGenerator<readonly Judged[]> {
    for (let open = wanted; open.length > 0;) {
      const readings = await this.replica.read(
        open.map(({ key }) => key),
        signal,
      );
      const isAnswered = ({ key }: Wanted): boolean => {
        const reading = readings.get(key);
        return reading !== undefined && !(reading.kind === 'unknown' && reading.reason === 'not-read');
      };
      const answered = open.filter(isAnswered);
      // Values too large to be read all at once; where not even one was read, asking again would not end.
      const page = answered.length === 0 ? open : answered;
      yield page.map((one) => ({
        wanted: one,
        need: needOf(one, readings.get(one.key), this.replica.limits),
      }));
      open = page === open ? [] : open.filter((one) => !isAnswered(one));
    }
  }

  /** @throws ReplicaError when the store can't be read, or takes nothing any more */
  async write(wanted: readonly Wanted[], signal: AbortSignal): Promise<WrittenContent> {
    const tally = new WriteTally();
    let idle = 0;
    for (let open = wanted; open.length > 0;) {
      if (idle === IDLE_LOOKS_MAX) {
        tally.leaveOut(open, 'keeps-changing', 'others changed it again and again meanwhile');
        break;
      }
      const again: Wanted[] = [];
      for await (const page of this.look(open, signal))
        again.push(...(await this.carryOut(page, tally, signal)));
      idle = again.length < open.length ? 0 : idle + 1;
      open = again;
    }
    return tally.written;
  }

  /** @returns what has to be looked at again */
  private async carryOut(
    page: readonly Judged[],
    tally: WriteTally,
    signal: AbortSignal,
  ): Promise<readonly Wanted[]> {
    const items: Item[] = [];
    for (const { wanted, need } of page) {
      if (need.kind === 'nothing') tally.same++;
      if (need.kind === 'left-out') tally.leaveOut([wanted], need.reason, need.detail);
      if (need.kind === 'write') items.push(this.itemOf(wanted, need.operation));
    }
    const { batchOperationsMax: operationsMax, batchBytesMax: bytesMax } = this.replica.limits;
    const again: Wanted[] = [];
    for (const { writes } of planBatches(items, { operationsMax, bytesMax, ledgerBytes: 0 })) {
      again.push(...(await this.send(writes, tally, signal)));
    }
    return again;
  }

  private itemOf(wanted: Wanted, operation: WriteOperation): Item {
    const { key, kind } = operation;
    const value = operation.kind === 'delete' ? 0 : operation.value.length;
    const access = operation.kind === 'create' ? (operation.access ?? '') : '';
    const bytes = this.replica.limits.operationBytes(key, value) + UTF8_BYTES_MAX * access.length;
    return { key, kind, bytes, order: 0n, wanted, operation };
  }

  /** An operation that fails never holds up the others: the batch is sent again at once without it. */
  private async send(
    writes: readonly Item[],
    tally: WriteTally,
    signal: AbortSignal,
  ): Promise<readonly Wanted[]> {
    const again: Wanted[] = [];
    for (let items = writes; items.length > 0;) {
      const batch = { operations: items.map(({ operation }) => operation), ledger: undefined };
      const outcome = await this.gate.pass(items.length, signal, () => this.replica.write(batch, signal));
      switch (outcome.kind) {
        case 'applied':
          this.refusals = 0;
          this.backoff.reset();
          tally.applied(items, outcome);
          return again;
        case 'condition-failed':
        case 'rejected': {
          const rejections = outcome.kind === 'rejected' ? outcome.rejections : [];
          for (const { key, reason, detail } of rejections) tally.leaveOut([{ key }], reason, detail);
          const stale = new Set(outcome.kind === 'rejected' ? [] : outcome.keys);
          const gone = new Set([...stale, ...rejections.map(({ key }) => key)]);
          again.push(...items.filter(({ key }) => stale.has(key)).map((item) => item.wanted));
          const left = items.filter(({ key }) => !gone.has(key));
          if (left.length === items.length) return [...again, ...wantedOf(items)];
          items = left;
          break;
        }
        case 'retriable':
          this.gate.pushedBack();
          await this.rest(outcome.cause, signal);
          return [...again, ...wantedOf(items)];
        case 'unknown':
          // A look tells whether it was applied.
          await this.rest(outcome.cause, signal);
          return [...again, ...wantedOf(items)];
      }
    }
    return again;
  }

  private async rest(cause: Error, signal: AbortSignal): Promise<void> {
    const isHopeless = cause instanceof ReplicaError && !cause.retriable;
    if (++this.refusals > REFUSALS_MAX || isHopeless || signal.aborted) throw cause;
    await this.clock.sleep(this.backoff.nextMs(), signal);
  }
}

/** As UTF-8, of what is one unit in UTF-16. On the wire, access rules take less than as text. */
const UTF8_BYTES_MAX = 3;

function wantedOf(items: readonly Item[]): Wanted[] {
  return items.map(({ wanted }) => wanted);
}

class WriteTally {
  same = 0;
  private readonly counts = { create: 0, update: 0, delete: 0 };
  private readonly leftOut: LeftOutEntry[] = [];
  private readonly overwrittenInRace: EntryKey[] = [];

  get written(): WrittenContent {
    const { same, counts, leftOut, overwrittenInRace } = this;
    return { ...counts, same, leftOut, overwrittenInRace };
  }

  leaveOut(entries: readonly { readonly key: EntryKey }[], reason: LeftOutReason, detail: string): void {
    this.leftOut.push(...entries.map(({ key }) => ({ key, reason, detail })));
  }

  applied(items: readonly Item[], { overwrittenInRace }: WriteApplied): void {
    for (const { kind } of items) this.counts[kind]++;
    this.overwrittenInRace.push(...overwrittenInRace.keys());
  }
}

/** What a wanted entry takes where the store holds this. */
function needOf(wanted: Wanted, reading: Reading | undefined, limits: ReplicaLimits): Need {
  if (reading === undefined) return leaveOut('unreachable', 'the store did not say what it holds now');
  if (reading.kind === 'unknown') {
    const reason = reading.reason === 'not-read' ? 'unreachable' : reading.reason;
    return leaveOut(reason, 'the store does not show what it holds now');
  }
  if (wanted.kind === 'removal') return needOfRemoval(wanted.key, wanted.seen, reading);
  const { key, value } = wanted;
  if (reading.kind === 'present') {
    if (reading.digest === wanted.digest) return { kind: 'nothing' };
    if (reading.session !== undefined) return leaveOut('session-bound', 'a session owns it now');
    if (wanted.isSecret === true && reading.restricted === false)
      return leaveOut(
        'read-restricted',
        'everybody may read what is there now: restrict it first, or delete it',
      );
  }
  const unmappable = limits.unmappable(key);
  if (unmappable !== undefined) return leaveOut('illegal-key', unmappable);
  if (value.length > limits.valueBytesMax) {
    return leaveOut(
      'too-large',
      `${value.length} bytes are more than the ${limits.valueBytesMax} that the store takes`,
    );
  }
  if (reading.kind === 'present')
    return { kind: 'write', operation: { kind: 'update', key, value, base: reading } };
  if (wanted.onlyIfThere !== undefined) return leaveOut('hidden-acl', wanted.onlyIfThere);
  return { kind: 'write', operation: { kind: 'create', key, value, ...wanted.attributes } };
}

function needOfRemoval(key: EntryKey, seen: bigint, reading: PresentReading | AbsentReading): Need {
  if (reading.kind === 'absent' || isStructure(key, reading)) return { kind: 'nothing' };
  if (reading.session !== undefined) return leaveOut('session-bound', 'a session owns it now');
  if (reading.version.modified !== seen) return leaveOut('changed', 'it was changed since it was shown');
  return { kind: 'write', operation: { kind: 'delete', key, base: reading } };
}

function leaveOut(reason: LeftOutReason, detail: string): Need {
  return { kind: 'left-out', reason, detail };
}
