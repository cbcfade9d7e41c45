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
  operations = 0;

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
        ([key, each]) => ({ kind: 'set', key: PREFIX + key, value: Buffer.from(each) }) as const,
      );
      const before = part.map(([key]) => this.#value(side, key));
      this.flat.apply(sets, CLIENT);
      for (const [at, [key, each]] of part.entries()) this.#record(side, key, each, before[at]);
    }
  }

  #put(side: Side, key: string, value: string): void {
    const bytes = Buffer.from(value);
    const before = this.#value(side, key);
    if (side === 'right') {
      this.flat.apply([{ kind: 'set', key: PREFIX + key, value: bytes }], CLIENT);
      // What changes nothing leaves no trace in this store, and is no write.
      if (before !== value) this.#record(side, key, value, before);
      return;
    }
    const path = `${ROOT}/${pathOf(key)}`;
    const exists = this.tree.node(path) !== undefined;
    if (!exists && !this.#makeParents(path)) return;
    const operation: TreeOperation = { kind: exists ? 'set' : 'create', path, data: bytes };
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
