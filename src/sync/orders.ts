import { isStructure } from '../core/classify.js';
import { compareKeys } from '../core/key-order.js';
import type { EntryKey, Reading, UnknownReading } from '../core/observation.js';
import type { Order, OrderedContent, Replaceable } from '../core/order.js';
import type { Pair, Side } from '../core/pair.js';
import { pairOf, SIDES } from '../core/pair.js';
import { isClientsSecret } from '../core/restricted.js';
import type { EntryMark, JournalEntry, MappingArchive } from '../ports/archive.js';
import { SyncError } from '../ports/errors.js';
import type { RestoreOrdered, RestoreWanted } from '../ports/control.js';
import type { NewTrash, TrashSummary } from '../ports/trash.js';
import type { MappingSync } from './mapping-sync.js';

/** So many entries are put back by one request: their keys are held in memory. */
const RESTORED_MAX = 100_000;
const TRASH_PAGE = 500;
const READ_PAGE = 256;
/** Values that go into one commit. */
const ORDER_BYTES_MAX = 8 * 1024 * 1024;
const REFUSED_LISTED_MAX = 100;

/**
 * Orders of a person about what is to stand on both sides. They are durable as soon as they are given; the loop carries
 * them out like everything else, and over restarts.
 */
export class Orders {
  constructor(private readonly sync: MappingSync) {}

  /**
   * Puts what was deleted back, where nothing stands in its place on either side.
   * @throws SyncError `REFUSED` for a mapping that does not write to both sides
   */
  async restore(wanted: RestoreWanted, signal: AbortSignal): Promise<Omit<RestoreOrdered, 'message'>> {
    this.mustWriteBoth();
    return this.sync.exclusively(async () => {
      const { chosen, hasMore } = await this.choose(wanted, signal);
      const refusals = new Refusals();
      let ordered = 0;
      // Parents first: made as mere parents, they would not have what they had.
      const keys = [...chosen.keys()].sort(compareKeys);
      for (let at = 0; at < keys.length && !signal.aborted; at += READ_PAGE) {
        const page = keys.slice(at, at + READ_PAGE);
        const seen = await this.lookAt(page, signal);
        const free = page.filter((key) => !refusals.take(key, this.obstacle(key, seen)));
        ordered += await this.orderFromTrash(free, chosen);
      }
      const { context } = this.sync;
      context.logger.info(
        { ordered, refused: refusals.total },
        'restore from the trash ordered by an operator',
      );
      return { ordered, refused: refusals.listed, refusedTotal: refusals.total, hasMore };
    });
  }

  /**
   * Makes what `keep` had in a journal entry stand on both sides. What that replaces enters the journal, or the trash.
   * @returns `stands` when it is so already; a reason when it can't be done now
   * @throws as `restore` does
   */
  async resolve(
    entry: JournalEntry,
    keep: Side,
    signal: AbortSignal,
  ): Promise<'ordered' | 'stands' | Refused> {
    this.mustWriteBoth();
    return this.sync.betweenRounds(async () => {
      const { context, memory } = this.sync;
      const { key, id } = entry;
      const seen = await this.lookAt([key], signal);
      const now = pairOf((side) => seen[side].get(key));
      const obstacle = this.unchangeable(key, now);
      if (obstacle !== undefined) return { refused: obstacle };
      const { value, flags } = entry.sides[keep];
      const content = value && { value, digest: context.digest(value), flags, access: undefined };
      const standing = pairOf((side) => now[side]?.standing);
      if (SIDES.every((side) => standing[side]?.digest === content?.digest)) return 'stands';
      const order: Order = { content, replaces: standing, origin: { kind: 'conflict', id } };
      await memory.commit(() => this.changesOf(new Map([[key, order]])));
      context.logger.info({ key, id, keep: context.sideNames[keep] }, 'conflict resolved by an operator');
      await this.sync.lookAt(key, signal);
      return 'ordered';
    });
  }

  private mustWriteBoth(): void {
    const { context, memory } = this.sync;
    const mapping = `mapping ${context.name}`;
    if (context.policy.source !== undefined) {
      const advice =
        "write the value there with the store's own tools: `trash show` and `conflicts show` print it";
      throw refused(`${mapping} is one-way, and its source is never written: ${advice}`);
    }
    if (context.mode === 'observe')
      throw refused(`${mapping} only observes (mode: observe), and writes nothing`);
    if (memory.state?.phase !== 'paired') throw refused(`${mapping} has not begun yet: look at its status`);
  }

  /** The newest of each entry that is wanted and was really deleted. */
  private async choose(
    wanted: RestoreWanted,
    signal: AbortSignal,
  ): Promise<{ chosen: ReadonlyMap<EntryKey, number>; hasMore: boolean }> {
    const { archive } = this.sync.memory;
    const chosen = new Map<EntryKey, number>();
    if ('key' in wanted) {
      const last = archive.lastTrashOf(wanted.key);
      if (last !== undefined && !isStillThere(archive, last)) chosen.set(wanted.key, last.id);
      return { chosen, hasMore: false };
    }
    const { folder, sinceMs, untilMs } = wanted;
    for (let beforeId: number | undefined; !signal.aborted;) {
      const page = archive.trash({ limit: TRASH_PAGE, beforeId, sinceMs, untilMs });
      for (const entry of page) {
        if (chosen.has(entry.key) || !isWithin(entry.key, folder) || isStillThere(archive, entry)) continue;
        if (chosen.size >= RESTORED_MAX) return { chosen, hasMore: true };
        chosen.set(entry.key, entry.id);
      }
      beforeId = page.at(-1)?.id;
      if (beforeId === undefined) break;
      await this.sync.context.clock.sleep(0, signal);
    }
    return { chosen, hasMore: false };
  }

  private async orderFromTrash(
    keys: readonly EntryKey[],
    chosen: ReadonlyMap<EntryKey, number>,
  ): Promise<number> {
    const { archive } = this.sync.memory;
    let orders = new Map<EntryKey, Order>();
    let [ordered, bytes] = [0, 0];
    const commit = async (): Promise<void> => {
      if (orders.size === 0) return;
      const changes = this.changesOf(orders);
      await this.sync.memory.commit(() => changes);
      this.sync.attention.look(orders.keys());
      ordered += orders.size;
      orders = new Map();
      bytes = 0;
    };
    for (const key of keys) {
      const entry = archive.trashed(chosen.get(key) ?? 0);
      // Dropped meanwhile, for what was deleted after it.
      if (entry === undefined) continue;
      orders.set(key, {
        content: this.contentOf(entry),
        replaces: NOTHING,
        origin: { kind: 'trash', id: entry.id },
      });
      bytes += entry.value.length;
      if (bytes >= ORDER_BYTES_MAX) await commit();
    }
    await commit();
    return ordered;
  }

  private contentOf({ value, flags, access }: NewTrash): OrderedContent {
    return { value, digest: this.sync.context.digest(value), flags, access };
  }

  private changesOf(orders: ReadonlyMap<EntryKey, Order>) {
    const sinceMs = this.sync.context.clock.nowMs();
    const ordered: EntryMark = { kind: 'ordered', sinceMs, detail: '' };
    return { orders, marks: new Map([...orders.keys()].map((key) => [key, ordered])) };
  }

  /** Why a deleted entry can't be put back; undefined when it can. */
  private obstacle(key: EntryKey, seen: Pair<ReadonlyMap<EntryKey, Seen>>): string | undefined {
    const now = pairOf((side) => seen[side].get(key));
    const obstacle = this.unchangeable(key, now);
    if (obstacle !== undefined) return obstacle;
    const there = SIDES.filter((side) => now[side]?.standing !== undefined);
    const names = there.map((side) => this.sync.context.sideNames[side]).join(' and ');
    return there.length === 0 ? undefined : `it is there again, in ${names}`;
  }

  private unchangeable(key: EntryKey, now: Pair<Seen | undefined>): string | undefined {
    const { context, memory } = this.sync;
    if (!context.scope.includes(key)) return 'it is outside the include and exclude of the mapping';
    if (memory.archive.mark(key)?.kind === 'hold') return 'it is held: release it';
    for (const side of SIDES) {
      const name = context.sideNames[side];
      if (now[side] === undefined) return `${name} does not show it just now`;
      if (now[side].isOwned) return `a session owns it in ${name}`;
      if (now[side].isSecret) return `not everybody may read it in ${name} (restricted: skip)`;
    }
    return undefined;
  }

  /** What is not known now is not in the answer. */
  private async lookAt(
    keys: readonly EntryKey[],
    signal: AbortSignal,
  ): Promise<Pair<ReadonlyMap<EntryKey, Seen>>> {
    const [left, right] = await Promise.all(SIDES.map((side) => this.lookAtSide(side, keys, signal)));
    if (left === undefined || right === undefined) throw new Error('there are two sides');
    return { left, right };
  }

  /** What does not fit into one answer is asked for again, as long as there is more each time. */
  private async lookAtSide(
    side: Side,
    keys: readonly EntryKey[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<EntryKey, Seen>> {
    const seen = new Map<EntryKey, Seen>();
    for (let rest = keys; rest.length > 0;) {
      const answer = await this.sync.context.replicas[side].read(rest, signal);
      for (const [key, reading] of answer) {
        if (reading.kind !== 'unknown') seen.set(key, this.seenOf(key, reading, side));
      }
      const unread = rest.filter((key) => isUnread(answer.get(key)));
      if (unread.length === rest.length) break;
      rest = unread;
    }
    return seen;
  }

  private seenOf(key: EntryKey, reading: Exclude<Reading, UnknownReading>, side: Side): Seen {
    const { context, memory } = this.sync;
    const isSecret =
      context.policy.restricted === 'skip' && isClientsSecret(memory.archive.record(key), reading, side);
    if (reading.kind === 'absent' || isStructure(key, reading))
      return { standing: undefined, isOwned: false, isSecret };
    const { version, digest, session } = reading;
    return { standing: { version, digest }, isOwned: session !== undefined, isSecret };
  }
}

/** What a side has of an entry, without its value. */
interface Seen {
  /** Undefined where it has none; structure agrees with that. */
  readonly standing: Replaceable | undefined;
  readonly isOwned: boolean;
  /** Not everybody may read it, and the mapping leaves such entries alone. */
  readonly isSecret: boolean;
}

export interface Refused {
  readonly refused: string;
}

function refused(message: string): SyncError {
  return new SyncError('REFUSED', message);
}

const NOTHING: Pair<undefined> = { left: undefined, right: undefined };

class Refusals {
  readonly listed: { key: EntryKey; reason: string }[] = [];
  total = 0;

  /** @returns whether there is a reason to refuse it */
  take(key: EntryKey, reason: string | undefined): boolean {
    if (reason === undefined) return false;
    this.total++;
    if (this.listed.length < REFUSED_LISTED_MAX) this.listed.push({ key, reason });
    return true;
  }
}

function isUnread(reading: Reading | undefined): boolean {
  return reading === undefined || (reading.kind === 'unknown' && reading.reason === 'not-read');
}

/**
 * Whether what is in the trash was not deleted in the end: the incarnation that was to be deleted is still agreed on. Of
 * an inner node only the value may have been cleared, so that its version has to be the same.
 */
export function isStillThere(
  archive: Pick<MappingArchive, 'record'>,
  { key, side, version, inner }: TrashSummary | NewTrash,
): boolean {
  const record = archive.record(key);
  if (record?.kind !== 'entry') return false;
  const agreed = record.versions[side];
  return agreed.modified === version.modified || (!inner && agreed.created === version.created);
}

/** Whether a key is a folder's own, or of what is below it. */
export function isWithin(key: EntryKey, folder: EntryKey): boolean {
  const name = folder.replace(/\/$/, '');
  return name === '' || key === name || key.startsWith(`${name}/`);
}
