import type { ArchiveRecord } from '../../src/core/archive-record.js';
import type { JournalEntry } from '../../src/ports/archive.js';
import type { TrashEntry } from '../../src/ports/trash.js';
import type {
  ClientWrite,
  Ending,
  History,
  JournaledConflict,
  PerStore,
  Replacement,
  StoreName,
  Trashed,
} from '../kit/history/history.js';
import type { CommittedChange, StoreReplaced, TimelineEvent } from '../kit/history/timeline.js';
import type { Change, Commit, CommitFeed } from '../kit/memory-store/commit-feed.js';
import { PREFIX, ROOT } from '../kit/simulation/daemon-context.js';
import { keyOf } from './entry-names.js';
import type { TraceLog } from './trace-log.js';

/** What a daemon calls itself in the feeds of the stores begins with this; everybody else is a client. */
export const DAEMON = 'daemon';

/** What a rival knows that was started with a copy of the daemon's archive. */
export interface CopiedArchive {
  readonly agreed: Set<string>;
  /** Until when it could write. */
  endedMs: number;
}

/** Writes down what happens, in the words of the checkers. */
export class Recorder {
  readonly timeline: TimelineEvent[] = [];
  readonly writes: ClientWrite[] = [];
  readonly journal: JournaledConflict[] = [];
  readonly trash: Trashed[] = [];
  readonly orders: { readonly key: string; readonly atMs: number }[] = [];
  readonly replacements: Replacement[] = [];
  readonly restartsOfAgreement: { readonly atMs: number }[] = [];
  readonly restarts = new Map<string, number>();
  daemonWrites = 0;
  /** Everything that the daemon has ever noted as agreed on: see `#agreementOn`. */
  readonly #agreed = new Set<string>();
  readonly #copies: CopiedArchive[] = [];
  /** What deletions took away, as it would have been noted. */
  readonly #tookAway = new Map<ClientWrite, string>();
  readonly #standing = new Map<string, { readonly number: bigint; readonly writer: 'client' | 'daemon' }>();

  constructor(
    private readonly nowMs: () => number,
    private readonly trace: TraceLog,
  ) {}

  follow(
    store: StoreName,
    feed: CommitFeed,
    present: () => Pick<StoreReplaced, 'contents' | 'isUnnoticeable'>,
  ): void {
    feed.subscribe({
      committed: (commit) => this.#committed(store, commit),
      replaced: (how) => {
        const atMs = this.nowMs();
        this.replacements.push({ store, atMs, how });
        this.timeline.push({ kind: 'replaced', atMs, store, ...present() });
      },
    });
  }

  /** Called right before a client's deletion is carried out, or right after another write. */
  wrote(write: ClientWrite): void {
    this.writes.push(write);
    if (write.value !== undefined) return;
    const standing = this.#standing.get(`${write.store} ${write.key}`);
    // A client's own value is seen when it goes, unless nothing that was agreed on before counts any more.
    const hasBegunAnew = this.restartsOfAgreement.length > 1;
    // What a rival copied in a write without the ledger only its own archive tells of.
    const isRivalled = this.#copies.some(({ endedMs }) => endedMs >= write.invokedMs);
    if (standing === undefined) return;
    if (standing.writer === 'client' && !hasBegunAnew && !isRivalled) return;
    this.#tookAway.set(write, this.#agreementOn(write.store, write.key, standing.number));
  }

  /** A rival goes on with a copy of the archive; what the daemon notes from now on it does not know. */
  copied(): CopiedArchive {
    const copy = { agreed: new Set(this.#agreed), endedMs: Infinity };
    this.#copies.push(copy);
    return copy;
  }

  /** @param copy where a rival noted it */
  recorded(key: string, record: ArchiveRecord, copy?: CopiedArchive): void {
    if (record.kind !== 'entry') return;
    const agreed = copy?.agreed ?? this.#agreed;
    agreed.add(this.#agreementOn('zookeeper', key, record.versions.left.modified));
    agreed.add(this.#agreementOn('consul', key, record.versions.right.modified));
  }

  journaled(daemon: string, { key, kind, winner, sides }: JournalEntry): void {
    const { left, right } = sides;
    const values = { zookeeper: textOf(left.value), consul: textOf(right.value) };
    const version = ({ version: of }: typeof left): string | undefined =>
      of && `${of.modified}/${of.created}`;
    this.journal.push({
      daemon,
      key,
      kind,
      winner: winner && storeOf(winner),
      values,
      versions: { zookeeper: version(left), consul: version(right) },
    });
    this.timeline.push({ kind: 'journaled', atMs: this.nowMs(), key, values });
    this.trace.add(
      () => `journal: ${kind} at ${JSON.stringify(key)}, ${JSON.stringify(values)}, ${winner ?? 'open'}`,
    );
  }

  trashed({ key, side, value, access, flags }: TrashEntry): void {
    const trashed = { key, store: storeOf(side), value: textOf(value) ?? '' };
    this.trash.push(trashed);
    this.timeline.push({ kind: 'trashed', atMs: this.nowMs(), ...trashed });
    this.trace.add(
      () => `trash: ${JSON.stringify(key)}, ${trashed.store} ${trashed.value} ${access ?? ''} ${flags}`,
    );
  }

  ordered(key: string): void {
    const atMs = this.nowMs();
    this.orders.push({ key, atMs });
    this.timeline.push({ kind: 'ordered', atMs, key });
    this.trace.add(() => `ordered: ${JSON.stringify(key)}`);
  }

  /** @param counts whether the daemon's own agreement is meant, and not that of a rival beside it */
  agreementRestarted(counts: boolean): void {
    const atMs = this.nowMs();
    this.restartsOfAgreement.push({ atMs });
    if (counts) this.timeline.push({ kind: 'agreement-restarted', atMs });
    this.trace.add(() => 'archive: begins anew');
  }

  started(daemon: string): void {
    this.restarts.set(daemon, (this.restarts.get(daemon) ?? -1) + 1);
  }

  history(
    finals: PerStore<ReadonlyMap<string, string>>,
    ending: Ending,
    source: StoreName | undefined,
  ): History {
    const { journal, trash, orders, replacements, restartsOfAgreement, restarts } = this;
    const writes = this.writes.map((write) => {
      const tookAway = this.#tookAway.get(write);
      if (tookAway === undefined) return write;
      const archives = this.#copies.filter(({ endedMs }) => endedMs >= write.invokedMs);
      const isKnown = [this.#agreed, ...archives.map(({ agreed }) => agreed)].every((agreed) =>
        agreed.has(tookAway),
      );
      return { ...write, removedUnknownCopy: !isKnown };
    });
    return {
      writes,
      finals,
      journal,
      trash,
      orders,
      ending,
      replacements,
      restartsOfAgreement,
      restarts,
      source,
    };
  }

  #agreementOn(store: StoreName, key: string, number: bigint): string {
    return `${this.restartsOfAgreement.length} ${store} ${key} ${number}`;
  }

  #committed(store: StoreName, { number, by, changes }: Commit): void {
    if (changes.length === 0) return;
    const writer = by.startsWith(DAEMON) ? 'daemon' : 'client';
    const told = changes.map((change) => (store === 'zookeeper' ? inTree(change) : inFlat(change)));
    for (const change of told) {
      if (change.place === 'entry') this.#standing.set(`${store} ${change.key}`, { number, writer });
    }
    if (writer === 'daemon') this.daemonWrites += told.filter(({ place }) => place === 'entry').length;
    this.timeline.push({ kind: 'commit', atMs: this.nowMs(), store, number, writer, changes: told });
    this.trace.add(() => `${store} ${number} by ${by}: ${told.map(describe).join(', ')}`);
  }
}

export function storeOf(side: 'left' | 'right'): StoreName {
  return side === 'left' ? 'zookeeper' : 'consul';
}

function inTree(change: Change): CommittedChange {
  const { name } = change;
  if (name.startsWith(`${ROOT}/`)) return entry(keyOf(name.slice(ROOT.length + 1)), change);
  if (name === ROOT || name === '/') return other('root', change);
  const isOwn = name === '/zk-consul-sync' || name.startsWith('/zk-consul-sync/');
  return other(isOwn ? 'namespace' : 'outside', change);
}

function inFlat(change: Change): CommittedChange {
  const { name } = change;
  if (name.startsWith(PREFIX)) return entry(name.slice(PREFIX.length), change);
  return other(name.startsWith('zk-consul-sync/') ? 'namespace' : 'outside', change);
}

function entry(key: string, { before, after }: Change): CommittedChange {
  return { place: 'entry', key, before: textOf(before), after: textOf(after) };
}

function other(place: 'root' | 'namespace' | 'outside', { name, before, after }: Change): CommittedChange {
  const change = before === undefined ? 'created' : after === undefined ? 'deleted' : 'changed';
  return { place, name, change };
}

function textOf(bytes: Uint8Array | undefined): string | undefined {
  return bytes && Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
}

function describe(change: CommittedChange): string {
  if (change.place !== 'entry') return `${change.change} ${change.name}`;
  const short = (value: string | undefined): string =>
    value === undefined ? 'nothing' : JSON.stringify(value.length > 24 ? `${value.slice(0, 24)}...` : value);
  return `${JSON.stringify(change.key)} ${short(change.before)} -> ${short(change.after)}`;
}
