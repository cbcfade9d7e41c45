import type { JournalEntry } from '../../../src/ports/archive.js';
import type { DaemonControl, MappingControl } from '../../../src/ports/control.js';
import type { ObservedReport } from '../../../src/ports/observed.js';
import type { DaemonStatus, MappingStatus } from '../../../src/ports/status.js';

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
    lastVerifiedAtMs: Date.UTC(2026, 0, 31, 11, 59),
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
    ...change,
  };
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

/** A mapping that writes down what it is asked for, and does what `behaviour` says. */
export class FakeMapping implements MappingControl {
  readonly calls: unknown[][] = [];
  journal: readonly JournalEntry[] = [];
  report: ObservedReport | undefined;
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

  approve(): Promise<string> {
    return this.#change('approve');
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

  async explain(...[key, signal]: Parameters<MappingControl['explain']>) {
    await this.#asked(signal, 'explain', key);
    return {
      key,
      zookeeper: { kind: 'present' },
      consul: { kind: 'absent' },
      archive: undefined,
      mark: undefined,
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

  async #change(...call: string[]): Promise<string> {
    await this.#asked(undefined, ...call);
    return `done: ${call.join(' ')}`;
  }

  async #asked(signal: AbortSignal | undefined, ...call: string[]): Promise<void> {
    this.calls.push(call);
    await this.behaviour(signal);
  }
}

/** A daemon with the given status and one controllable mapping, `config`. */
export class FakeControl implements DaemonControl {
  current = daemonStatus();
  isAlive = true;
  readonly config = new FakeMapping();

  status(): DaemonStatus {
    return this.current;
  }

  alive(): boolean {
    return this.isAlive;
  }

  mapping(name: string): MappingControl | undefined {
    return name === 'config' ? this.config : undefined;
  }
}
