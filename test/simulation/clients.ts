import type { Side } from '../../src/core/pair.js';
import type { MemoryFlat } from '../kit/memory-store/memory-flat.js';
import type { MemoryTree, TreeOperation } from '../kit/memory-store/memory-tree.js';
import { PREFIX, ROOT } from '../kit/simulation/daemon-context.js';
import { keyOf, pathOf } from './entry-names.js';
import type { ClientAct } from './plan.js';
import type { Recorder } from './recorder.js';
import { storeOf } from './recorder.js';

const CLIENT = 'client';
const NO_DATA = new Uint8Array();
/** Below Consul's limit for a transaction. */
const PUTS_AT_ONCE_MAX = 50;

/** The programs that use both stores. They write as they like, and the recorder learns of each write. */
export class Clients {
  /** Every value that a key has had, in the order in which they were written. */
  readonly #past = new Map<string, string[]>();
  /** The keys that sessions have owned at some time. */
  readonly everOwned = new Set<string>();
  operations = 0;
  /** Entries that sessions owned, and sessions that ended. */
  readonly done = new Map<string, number>();

  constructor(
    private readonly tree: MemoryTree,
    private readonly flat: MemoryFlat,
    private readonly recorder: Recorder,
    private readonly nowMs: () => number,
  ) {}

  perform(act: ClientAct): void {
    const { side } = act;
    switch (act.do) {
      case 'put':
        this.#put(side, act.key, act.value);
        return;
      case 'delete':
        this.#remove(side, act.key);
        return;
      case 'delete-all':
        for (const key of this.#keysFrom(side, act.key)) this.#remove(side, key);
        return;
      case 'recreate':
        if (this.#remove(side, act.key)) this.#put(side, act.key, act.value);
        return;
      case 'touch':
        this.#rewrite(side, act.key, this.#value(side, act.key));
        return;
      case 'imitate':
        this.#rewrite(side, act.key, this.#value(side === 'left' ? 'right' : 'left', act.key));
        return;
      case 'revert':
        this.#rewrite(side, act.key, this.#past.get(act.key)?.at(0));
        return;
      case 'put-many':
        this.#putMany(side, act.count, act.value);
        return;
      case 'delete-many':
        for (let i = 0; i < act.count; i++) this.#remove(side, `bulk/${i}`);
        return;
      case 'put-together':
        this.#putTogether(side, act.keys, act.value);
        return;
      case 'own':
        this.#own(act);
        return;
      case 'end-session':
        this.#endSession(side, act.session);
        return;
    }
  }

  #rewrite(side: Side, key: string, value: string | undefined): void {
    if (value !== undefined && value !== '') this.#put(side, key, value);
  }

  #putMany(side: Side, count: number, value: string): void {
    const named = Array.from({ length: count }, (_, i) => [`bulk/${i}`, `${value} ${i}`] as const);
    if (side === 'left') {
      for (const [key, each] of named) this.#put(side, key, each);
      return;
    }
    for (let from = 0; from < count; from += PUTS_AT_ONCE_MAX) {
      const part = named.slice(from, from + PUTS_AT_ONCE_MAX);
      const sets = part.map(
        ([key, each]) => ({ kind: 'set', key: PREFIX + key, value: bytes(each) }) as const,
      );
      const before = part.map(([key]) => this.#value(side, key));
      this.flat.apply(sets, CLIENT);
      for (const [at, [key, each]] of part.entries()) this.#record(side, key, each, before[at]);
    }
  }

  /** All of them, or none. */
  #putTogether(side: Side, keys: readonly string[], value: string): void {
    const parts = keys.map((key) => ({ key, value: `${value} ${key}`, before: this.#value(side, key) }));
    if (side === 'right') {
      const sets = parts.map(
        (part) => ({ kind: 'set', key: PREFIX + part.key, value: bytes(part.value) }) as const,
      );
      this.flat.apply(sets, CLIENT);
    } else {
      const paths = keys.map((key) => `${ROOT}/${pathOf(key)}`);
      if (!paths.every((path) => this.#makeParents(path))) return;
      const operations = parts.map((part, at): TreeOperation => {
        const path = paths[at] ?? '';
        return { kind: this.tree.node(path) ? 'set' : 'create', path, data: bytes(part.value) };
      });
      if (this.tree.apply(operations, CLIENT).kind === 'refused') return;
    }
    for (const { key, value: each, before } of parts) {
      if (each !== before) this.#record(side, key, each, before);
    }
  }

  /** An ephemeral znode in place of whatever was there, or a lock on a key, whoever wrote it. */
  #own({ side, key, value, session, behavior }: ClientAct & { do: 'own' }): void {
    const before = this.#value(side, key);
    this.everOwned.add(key);
    if (side === 'right') {
      this.flat.openSession(session, behavior);
      const lock = { kind: 'lock', key: PREFIX + key, value: bytes(value), session } as const;
      if (this.flat.apply([lock], CLIENT).kind === 'refused') return;
      this.#count('own');
      if (before !== value) this.#record(side, key, value, before);
      return;
    }
    const path = `${ROOT}/${pathOf(key)}`;
    if (this.tree.node(path) !== undefined && !this.#remove(side, key)) return;
    if (!this.#makeParents(path)) return;
    const create: TreeOperation = { kind: 'create', path, data: bytes(value), ephemeralOwner: session };
    if (this.tree.apply([create], CLIENT).kind === 'refused') return;
    this.#count('own');
    this.#record(side, key, value, undefined);
  }

  /** What goes with the session is deleted by the client whose session it was. */
  #endSession(side: Side, session: string): void {
    this.#count('end-session');
    for (const key of this.#ownedBy(side, session)) {
      const before = this.#value(side, key);
      if (before !== '') this.#record(side, key, undefined, before);
    }
    if (side === 'left') this.tree.closeSession(session, CLIENT);
    else this.flat.closeSession(session, CLIENT);
  }

  /** The entries that go with a session. */
  #ownedBy(side: Side, session: string): string[] {
    if (side === 'right') {
      if (this.flat.sessionBehavior(session) !== 'delete') return [];
      const owned = this.flat.keys(PREFIX).filter((name) => this.flat.entry(name)?.session === session);
      return owned.map((name) => name.slice(PREFIX.length));
    }
    const below = (path: string): string[] =>
      [...this.tree.children(path)].flatMap((name) => [`${path}/${name}`, ...below(`${path}/${name}`)]);
    const owned = below(ROOT).filter((path) => this.tree.node(path)?.ephemeralOwner === session);
    return owned.map((path) => keyOf(path.slice(ROOT.length + 1)));
  }

  #count(what: string): void {
    this.done.set(what, (this.done.get(what) ?? 0) + 1);
  }

  #put(side: Side, key: string, value: string): void {
    const before = this.#value(side, key);
    if (side === 'right') {
      this.flat.apply([{ kind: 'set', key: PREFIX + key, value: bytes(value) }], CLIENT);
      // What changes nothing leaves no trace in this store, and is no write.
      if (before !== value) this.#record(side, key, value, before);
      return;
    }
    const path = `${ROOT}/${pathOf(key)}`;
    const exists = this.tree.node(path) !== undefined;
    if (!exists && !this.#makeParents(path)) return;
    const operation: TreeOperation = { kind: exists ? 'set' : 'create', path, data: bytes(value) };
    if (this.tree.apply([operation], CLIENT).kind === 'applied') this.#record(side, key, value, before);
  }

  /** @returns whether there was something to remove that could be removed */
  #remove(side: Side, key: string): boolean {
    const before = this.#value(side, key);
    if (before === undefined) return false;
    const path = `${ROOT}/${pathOf(key)}`;
    if (side === 'left' && this.tree.children(path).size > 0) return false;
    // An empty node is no value that anybody could miss.
    if (before !== '') this.#record(side, key, undefined, before);
    if (side === 'right') this.flat.apply([{ kind: 'delete', key: PREFIX + key }], CLIENT);
    else this.tree.apply([{ kind: 'delete', path }], CLIENT);
    return true;
  }

  /** A key and all below it, children first. */
  #keysFrom(side: Side, key: string): string[] {
    if (side === 'right') {
      const keys = this.flat.keys(`${PREFIX}${key}/`).map((name) => name.slice(PREFIX.length));
      return [...keys, key];
    }
    const below = (above: string): string[] => {
      const names = [...this.tree.children(`${ROOT}/${pathOf(above)}`)];
      return [...names.flatMap((name) => below(`${above}/${keyOf(name)}`)), above];
    };
    return below(key);
  }

  #makeParents(path: string): boolean {
    const parent = path.slice(0, path.lastIndexOf('/'));
    if (parent === '' || this.tree.node(parent) !== undefined) return true;
    if (!this.#makeParents(parent)) return false;
    return this.tree.apply([{ kind: 'create', path: parent, data: NO_DATA }], CLIENT).kind === 'applied';
  }

  #value(side: Side, key: string): string | undefined {
    const value =
      side === 'left' ? this.tree.node(`${ROOT}/${pathOf(key)}`)?.data : this.flat.entry(PREFIX + key)?.value;
    return value && Buffer.from(value).toString();
  }

  #record(side: Side, key: string, value: string | undefined, before: string | undefined): void {
    this.operations++;
    const atMs = this.nowMs();
    const write = { store: storeOf(side), key, value, invokedMs: atMs, endedMs: atMs };
    this.recorder.wrote({ ...write, outcome: 'acknowledged', replaced: { value: before } });
    if (value === undefined) return;
    const past = this.#past.get(key);
    if (past === undefined) this.#past.set(key, [value]);
    else past.push(value);
  }
}

function bytes(text: string): Uint8Array {
  return Buffer.from(text);
}
