import type { JournalEntry } from '../../../src/ports/archive.js';
import type { DaemonControl, HeldEntry, MappingControl, TrashPage } from '../../../src/ports/control.js';
import type { CutoverReport } from '../../../src/ports/cutover.js';
import type { ObservedReport } from '../../../src/ports/observed.js';
import type { CanaryStatus, DaemonStatus, MappingStatus } from '../../../src/ports/status.js';
import type { TrashEntry } from '../../../src/ports/trash.js';
import type { WrittenEntry } from '../../../src/ports/written.js';

export function mappingStatus(change: Partial<MappingStatus> = {}): MappingStatus {
  return {
    name: 'config',
    role: 'active',
    leader: undefined,
    state: 'live',
    inSync: true,
    inSyncSinceMs: Date.UTC(2026, 0, 31, 12),
    firstCompleted: true,
    problem: undefined,
    entries: 1_200,
    pending: { left: 0, right: 0 },
    conflicts: { open: 0, total: 3 },
    holds: [],
    skipped: [],
    skippedTotal: 0,
    skippedByReason: new Map(),
    drifted: [],
    driftedTotal: 0,
    orders: [],
    ordersTotal: 0,
    observing: false,
    lastVerifiedAtMs: Date.UTC(2026, 0, 31, 11, 59),
    cutover: { step: 'both', sinceMs: undefined },
    ...change,
  };
}

export function daemonStatus(change: Partial<DaemonStatus> = {}): DaemonStatus {
  return {
    version: '0.1.0',
    instance: 'default',
    role: 'active',
    uptimeSeconds: 86_400,
    replicas: {
      zookeeper: { connected: true, address: 'zk1:2181', server: '3.8.0', lastError: undefined },
      consul: { connected: true, address: 'http://127.0.0.1:8500', server: undefined, lastError: undefined },
    },
    mappings: [mappingStatus()],
    audit: undefined,
    canary: undefined,
    ...change,
  };
}

export function canaryStatus(change: Partial<CanaryStatus> = {}): CanaryStatus {
  const arrival = {
    lagSeconds: 0.012,
    lastSeenAtMs: Date.UTC(2026, 0, 31, 12),
    ageSeconds: 3,
    problem: undefined,
  };
  return { role: 'active', paused: false, arrivals: { left: arrival, right: arrival }, ...change };
}

export function journalEntry(change: Partial<JournalEntry> = {}): JournalEntry {
  return {
    id: 17,
    atMs: Date.UTC(2026, 0, 31, 11),
    open: false,
    key: 'db/host',
    kind: 'update-update',
    winner: 'left',
    rule: 'last-writer-wins',
    ambiguous: false,
    sides: {
      left: {
        value: new TextEncoder().encode('db1'),
        flags: 0n,
        version: { modified: 4_294_967_310n, created: 4_294_967_299n, revision: 2 },
        written: { earliestMs: Date.UTC(2026, 0, 31, 10), latestMs: Date.UTC(2026, 0, 31, 10, 30) },
      },
      right: {
        value: undefined,
        flags: 0n,
        version: undefined,
        written: { earliestMs: -Infinity, latestMs: Date.UTC(2026, 0, 31, 10) },
      },
    },
    ...change,
  };
}

export function trashEntry(change: Partial<TrashEntry> = {}): TrashEntry {
  return {
    id: 41,
    atMs: Date.UTC(2026, 0, 31, 11),
    key: 'db/host',
    side: 'right',
    value: new TextEncoder().encode('db1'),
    flags: 2n ** 64n - 1n,
    access: undefined,
    version: { modified: 812n, created: 790n, revision: 0 },
    inner: false,
    writtenAtMs: undefined,
    ...change,
  };
}

export function cutoverReport(change: Partial<CutoverReport> = {}): CutoverReport {
  const counts = { hour: 0, day: 3, week: 40, lastAtMs: Date.UTC(2026, 0, 31, 9) };
  const side = { ...counts, folders: [{ folder: 'app', ...counts }], rest: undefined };
  return {
    step: 'right-leads',
    isConfigured: false,
    sinceMs: Date.UTC(2026, 0, 30),
    next: 'left-mirror',
    back: 'both',
    moves: [{ number: 1, step: 'right-leads', atMs: Date.UTC(2026, 0, 30) }],
    inSync: true,
    inSyncSinceMs: Date.UTC(2026, 0, 31, 12),
    holds: 0,
    openConflicts: 0,
    drifted: 0,
    comparison: {
      ...{ equal: true, by: 'digest', compared: 1_200, different: 0, detail: undefined },
      digests: { left: '5f'.repeat(32), right: '5f'.repeat(32) },
    },
    countedSinceMs: Date.UTC(2026, 0, 1),
    changes: { left: side, right: side },
    watchers: {
      sessions: [{ session: '0x10000a1b2c3', address: '10.0.0.7:51432', paths: 2 }],
      total: 1,
      untold: [],
    },
    missing: [{ what: 'writers', detail: 'a client changed ZooKeeper' }],
    switchOff: { possible: false, certain: true, needed: [{ what: 'not-last-step', detail: 'it is not' }] },
    ...change,
  };
}

export function writtenEntry(change: Partial<WrittenEntry> = {}): WrittenEntry {
  return {
    key: 'db/host',
    on: 'right',
    operation: 'update',
    cause: 'change',
    sourceVersion: 4_294_967_310n,
    result: 'applied',
    atMs: Date.UTC(2026, 0, 31, 12),
    ...change,
  };
}

/** A mapping that writes down what it is asked for, and does what `behaviour` says. */
export class FakeMapping implements MappingControl {
  readonly calls: unknown[][] = [];
  journal: readonly JournalEntry[] = [];
  /** The newest first. */
  deleted: readonly TrashEntry[] = [];
  heldBack: readonly HeldEntry[] = [];
  /** Of every entry. */
  mark: Readonly<Record<string, unknown>> | undefined;
  /** What changing calls are answered with. */
  refuses: Error | undefined;
  report: ObservedReport | undefined;
  onTheWay = cutoverReport();
  behaviour: (signal: AbortSignal | undefined) => Promise<void> = () => Promise.resolve();

  observed(): ReturnType<MappingControl['observed']> {
    return { observing: this.report !== undefined, report: this.report };
  }

  pause(): Promise<string> {
    return this.#change('pause');
  }

  resume(): Promise<string> {
    return this.#change('resume');
  }

  async held({ after = '', limit }: Parameters<MappingControl['held']>[0]) {
    await this.#asked(undefined, 'held', after, String(limit));
    const behind = this.heldBack.filter(({ key }) => key > after);
    const count = (action: HeldEntry['action']) =>
      this.heldBack.filter((one) => one.action === action).length;
    return {
      deletions: count('delete'),
      overwrites: count('overwrite'),
      digest: `digest-of-${this.heldBack.length}`,
      entries: behind.slice(0, limit),
      more: behind.length > limit,
    };
  }

  async cutover(...[options, signal]: Parameters<MappingControl['cutover']>) {
    await this.#asked(signal, 'cutover', options);
    return this.onTheWay;
  }

  async moveCutover({ to }: Parameters<MappingControl['moveCutover']>[0]): Promise<string> {
    return this.#change('moveCutover', to);
  }

  approve(seen?: string): Promise<string> {
    return this.#change('approve', ...(seen === undefined ? [] : [seen]));
  }

  resync(from: string): Promise<string> {
    return this.#change('resync', from);
  }

  release(key: string, keep: string): Promise<string> {
    return this.#change('release', key, keep);
  }

  async previewResync(...[from, signal]: Parameters<MappingControl['previewResync']>) {
    await this.#asked(signal, 'previewResync', from);
    return {
      entries: 2,
      create: { zookeeper: 1, consul: 0 },
      update: { zookeeper: 0, consul: 0 },
      delete: { zookeeper: 0, consul: 0 },
      conflicts: 0,
      skipped: 1,
      actions: [
        { key: 'a', action: 'create', on: 'zookeeper', detail: '' },
        { key: 'b', action: 'skip', on: undefined, detail: 'too large' },
      ] as const,
      truncated: false,
    };
  }

  async explain(...[key, signal, withValues]: Parameters<MappingControl['explain']>) {
    await this.#asked(signal, 'explain', key);
    const side = (name: string) => ({
      state: 'present',
      ...(withValues === true && { value: Buffer.from(`of ${name}\n`).toString('base64') }),
    });
    return {
      key,
      zookeeper: side('zookeeper'),
      consul: side('consul'),
      archive: undefined,
      mark: this.mark,
      decision: 'copy',
      why: 'there is no archive',
      lastConflict: journalEntry({ key }),
    };
  }

  conflicts({ beforeId = Infinity, limit, openOnly = false }: Parameters<MappingControl['conflicts']>[0]) {
    this.calls.push(['conflicts', limit]);
    return this.journal
      .filter((entry) => entry.id < beforeId && (entry.open || !openOnly))
      .toSorted((a, b) => b.id - a.id)
      .slice(0, limit);
  }

  conflict(id: number): JournalEntry | undefined {
    return this.journal.find((entry) => entry.id === id);
  }

  async resolve(id: number, keep: string): Promise<string> {
    return this.#change('resolve', String(id), keep);
  }

  trash(wanted: Parameters<MappingControl['trash']>[0]): TrashPage {
    this.calls.push(['trash', wanted]);
    const { limit, beforeId = Infinity, folder = '' } = wanted;
    const page = this.deleted.filter(({ id }) => id < beforeId).slice(0, limit);
    const entries = page.filter(({ key }) => key.startsWith(folder));
    return {
      entries: entries.map(({ value, ...rest }) => ({ ...rest, valueBytes: value.length })),
      lastId: page.at(-1)?.id,
    };
  }

  trashed(id: number): TrashEntry | undefined {
    return this.deleted.find((entry) => entry.id === id);
  }

  async restore(wanted: Parameters<MappingControl['restore']>[0]) {
    await this.#asked(undefined, 'restore', wanted);
    if (this.refuses !== undefined) throw this.refuses;
    const refused = [{ key: 'c', reason: 'it is there again' }];
    return { message: 'done: restore', ordered: 2, refused, refusedTotal: 1, hasMore: false };
  }

  async #change(...call: string[]): Promise<string> {
    await this.#asked(undefined, ...call);
    if (this.refuses !== undefined) throw this.refuses;
    return `done: ${call.join(' ')}`;
  }

  async #asked(signal: AbortSignal | undefined, ...call: unknown[]): Promise<void> {
    this.calls.push(call);
    await this.behaviour(signal);
  }
}

/** A daemon with the given status and one controllable mapping, `config`. */
export class FakeControl implements DaemonControl {
  current = daemonStatus();
  isAlive = true;
  readonly config = new FakeMapping();
  /** Further mappings, by name. */
  readonly others = new Map<string, FakeMapping>();

  status(): DaemonStatus {
    return this.current;
  }

  alive(): boolean {
    return this.isAlive;
  }

  mapping(name: string): MappingControl | undefined {
    return name === 'config' ? this.config : this.others.get(name);
  }
}
