import type { EntryKey } from '../core/observation.js';
import type { WriteBatch, WriteOperation } from '../ports/replica.js';
import { parentPath, type MappingPaths } from './mapping-paths.js';
import { aclOf } from './node-access.js';
import { ancestorsOf } from './parent-nodes.js';
import type { AclEntry, CreateMode, MultiOperation } from './protocol.js';

/** What one operation of the multi is there for. */
export type Step =
  | { readonly kind: 'ledger' }
  /** `key` is undefined for the mapping's root and the nodes above it, which are no entries. */
  | { readonly kind: 'parent'; readonly key: EntryKey | undefined; readonly neededBy: EntryKey }
  /** `clears` when the node still has children, so that the delete becomes an empty value. */
  | { readonly kind: 'entry'; readonly operation: WriteOperation; readonly clears: boolean };

export interface WritePlan {
  readonly operations: readonly MultiOperation[];
  /** One per operation. */
  readonly steps: readonly Step[];
}

export interface WriteContext {
  readonly paths: MappingPaths;
  readonly ledgerPath: string;
  /** For every node that is made. */
  readonly acl: readonly AclEntry[];
  /** Nodes that don't exist, as far as is known. */
  readonly missing: ReadonlySet<string>;
  /** Of the nodes of entries; parents are persistent. */
  readonly mode?: CreateMode | undefined;
  /** Who may do what with nodes that are made anew, by path; as with all that are made, where it is not told. */
  readonly access?: ReadonlyMap<string, string> | undefined;
}

const NO_DATA = new Uint8Array();

/** The parents that a batch needs to exist and does not make itself. */
export function parentsNeeded(batch: WriteBatch, paths: MappingPaths): Set<string> {
  const made = new Set<string>();
  const needed = new Set<string>();
  for (const operation of batch.operations) {
    if (operation.kind !== 'create') continue;
    const path = paths.pathOf(operation.key);
    const parent = parentPath(path);
    if (parent !== undefined && !made.has(parent)) needed.add(parent);
    made.add(path);
  }
  return needed;
}

/** Translates a batch into the operations of one multi, the ledger's first. */
export function planWrite(batch: WriteBatch, context: WriteContext): WritePlan {
  const operations: MultiOperation[] = [];
  const steps: Step[] = [];
  const add = (operation: MultiOperation, step: Step) => {
    operations.push(operation);
    steps.push(step);
  };
  if (batch.ledger !== undefined) add(ledgerOperation(batch.ledger, context), { kind: 'ledger' });
  const tree = new ExpectedTree(context.missing);
  for (const operation of batch.operations) {
    const path = context.paths.pathOf(operation.key);
    if (operation.kind === 'create') {
      for (const missing of tree.missingAbove(path)) {
        tree.create(missing);
        const key = context.paths.keyOf(missing);
        const create = { kind: 'create', path: missing, data: NO_DATA, acl: context.acl } as const;
        add(create, { kind: 'parent', key, neededBy: operation.key });
      }
      tree.create(path);
      const acl = operation.access === undefined ? context.acl : aclOf(operation.access);
      const create = { kind: 'create', path, data: operation.value, acl, mode: context.mode } as const;
      add(create, { kind: 'entry', operation, clears: false });
    } else if (isReplaced(operation)) {
      for (const one of replacement(operation, path, context))
        add(one, { kind: 'entry', operation, clears: false });
    } else {
      const { revision: version } = operation.base.version;
      const clears = operation.kind === 'delete' && tree.childrenLeft(path, operation.base.children) > 0;
      const data = operation.kind === 'update' ? operation.value : NO_DATA;
      if (operation.kind === 'update' || clears) {
        add({ kind: 'setData', path, data, version }, { kind: 'entry', operation, clears });
      } else {
        tree.remove(path);
        add({ kind: 'delete', path, version }, { kind: 'entry', operation, clears });
      }
    }
  }
  return { operations, steps };
}

/** Whether a node can't become what it has to be, and is made anew in its place. */
export function isReplaced(operation: WriteOperation): operation is WriteOperation & { kind: 'update' } {
  return operation.kind === 'update' && operation.base.isMisbound === true;
}

/** Both in one transaction: nobody finds the node missing. */
function replacement(
  { base, value: data }: WriteOperation & { kind: 'update' },
  path: string,
  { access, acl, mode }: WriteContext,
): MultiOperation[] {
  const known = access?.get(path);
  return [
    { kind: 'delete', path, version: base.version.revision },
    { kind: 'create', path, data, acl: known === undefined ? acl : aclOf(known), mode },
  ];
}

function ledgerOperation(ledger: NonNullable<WriteBatch['ledger']>, context: WriteContext): MultiOperation {
  const data = Buffer.from(ledger.content);
  const path = context.ledgerPath;
  if (ledger.expected === undefined) return { kind: 'create', path, data, acl: context.acl };
  return { kind: 'setData', path, data, version: ledger.expected.revision };
}

/** Follows what the operations of one batch do to the nodes that matter to the later ones. */
class ExpectedTree {
  readonly #missing: Set<string>;
  readonly #removedBelow = new Map<string, number>();

  constructor(missing: ReadonlySet<string>) {
    this.#missing = new Set(missing);
  }

  /** The nodes that have to be made before `path`, in the order to make them. */
  missingAbove(path: string): string[] {
    return ancestorsOf(path)
      .filter((ancestor) => this.#missing.has(ancestor))
      .reverse();
  }

  create(path: string): void {
    this.#missing.delete(path);
  }

  remove(path: string): void {
    this.#missing.add(path);
    const parent = parentPath(path);
    if (parent !== undefined) this.#removedBelow.set(parent, (this.#removedBelow.get(parent) ?? 0) + 1);
  }

  childrenLeft(path: string, children: number): number {
    return children - (this.#removedBelow.get(path) ?? 0);
  }
}
