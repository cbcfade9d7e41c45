import { encodeKey } from '../../../src/core/key-codec.js';
import type { EntryKey } from '../../../src/core/observation.js';
import type { MemoryTree, TreeOperation } from './memory-tree.js';
import { parentPath } from './memory-tree.js';

const NO_DATA = new Uint8Array();

/** Another program on the same tree: it calls entries by their keys below the mapped path, and writes as it likes. */
export class TreeClient {
  constructor(
    private readonly tree: MemoryTree,
    private readonly root: string,
    /** What it is called in the store's feed of commits. */
    private readonly name = 'client',
  ) {}

  pathOf(key: EntryKey): string {
    return this.root === '/' ? `/${encodeKey(key)}` : `${this.root}/${encodeKey(key)}`;
  }

  get(key: EntryKey): Uint8Array | undefined {
    return this.tree.node(this.pathOf(key))?.data;
  }

  /** Creates or replaces a node. Missing parents are made first, each in a write of its own, without data. */
  put(key: EntryKey, value: Uint8Array): void {
    const path = this.pathOf(key);
    if (this.tree.node(path) !== undefined) {
      this.must([{ kind: 'set', path, data: value }]);
      return;
    }
    this.makeParents(path);
    this.must([{ kind: 'create', path, data: value }]);
  }

  /** Creates or replaces several nodes in one write. Missing parents are made first. */
  putTogether(entries: ReadonlyMap<EntryKey, Uint8Array>): void {
    const operations = [...entries].map(([key, data]): TreeOperation => {
      const path = this.pathOf(key);
      if (this.tree.node(path) !== undefined) return { kind: 'set', path, data };
      this.makeParents(path);
      return { kind: 'create', path, data };
    });
    this.must(operations);
  }

  /** Creates a node that goes when the session ends. */
  putEphemeral(key: EntryKey, value: Uint8Array, session: string): void {
    const path = this.pathOf(key);
    this.makeParents(path);
    this.must([{ kind: 'create', path, data: value, ephemeralOwner: session }]);
  }

  /** Deletes a node that may be there; one with children is refused. */
  remove(key: EntryKey): void {
    if (this.get(key) !== undefined) this.must([{ kind: 'delete', path: this.pathOf(key) }]);
  }

  /** Deletes a node with all below it, one after the other, the lowest first. */
  removeAll(key: EntryKey): void {
    const remove = (path: string): void => {
      for (const name of this.tree.children(path)) remove(`${path}/${name}`);
      this.must([{ kind: 'delete', path }]);
    };
    if (this.get(key) !== undefined) remove(this.pathOf(key));
  }

  private makeParents(path: string): void {
    const parent = parentPath(path);
    if (this.tree.node(parent) !== undefined) return;
    this.makeParents(parent);
    this.must([{ kind: 'create', path: parent, data: NO_DATA }]);
  }

  private must(operations: readonly TreeOperation[]): void {
    const answer = this.tree.apply(operations, this.name);
    if (answer.kind === 'refused') {
      throw new Error(`${operations[answer.index]?.path ?? ''} of ${this.name}: ${answer.refusal}`);
    }
  }
}
