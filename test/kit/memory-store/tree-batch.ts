import type { EntryKey, PresentReading } from '../../../src/core/observation.js';
import type { Version } from '../../../src/core/version.js';
import type {
  Rejection,
  ReplicaLimits,
  WriteBatch,
  WriteOperation,
  WriteOutcome,
} from '../../../src/ports/replica.js';
import { mustFit, tooLarge } from './batch-limits.js';
import type { MemoryTree, TreeOperation, TreeRefusal, Znode } from './memory-tree.js';
import { parentPath, versionOf } from './memory-tree.js';

export interface TreeBatchContext {
  readonly tree: MemoryTree;
  readonly writer: string;
  readonly ledgerPath: string;
  pathOf(key: EntryKey): string;
  keyOf(path: string): EntryKey | undefined;
  read(node: Znode, path: string): PresentReading;
  mayWrite(path: string): boolean;
}

/** An operation of a multi, and what of the batch it is for. */
interface Step {
  readonly operation: TreeOperation;
  readonly for: WriteOperation | 'ledger';
  /** It makes a parent that was missing. */
  readonly isParent: boolean;
}

const NO_DATA = new Uint8Array();

/** A batch as a multi of the tree. */
export class TreeBatch {
  constructor(
    private readonly batch: WriteBatch,
    private readonly limits: ReplicaLimits,
    private readonly context: TreeBatchContext,
  ) {
    mustFit(batch, limits);
  }

  apply(): WriteOutcome {
    const rejections = this.batch.operations.flatMap((operation) => this.rejectionOf(operation) ?? []);
    if (rejections.length > 0) return { kind: 'rejected', rejections };
    const { tree, writer } = this.context;
    const steps = this.steps();
    const recreated = this.recreated();
    // A node that still has children can't be deleted: each such refusal makes one delete a clearing.
    for (;;) {
      const answer = tree.apply(
        steps.map((step) => step.operation),
        writer,
      );
      if (answer.kind === 'applied') return this.applied(steps, recreated, answer);
      const refused = steps[answer.index];
      if (refused === undefined) throw new RangeError(`no operation ${answer.index}`);
      if (answer.refusal !== 'not-empty') return this.refused(refused, answer.refusal);
      const { path, version } = refused.operation as TreeOperation & { kind: 'delete' };
      steps[answer.index] = { ...refused, operation: { kind: 'set', path, data: NO_DATA, version } };
    }
  }

  private rejectionOf(operation: WriteOperation): Rejection | undefined {
    const { key } = operation;
    const illegal = this.limits.unmappable(key);
    if (illegal !== undefined) return { key, reason: 'illegal-key', detail: illegal };
    if (operation.kind !== 'create' && operation.base.session !== undefined) {
      return { key, reason: 'session-bound', detail: `the node is of session ${operation.base.session}` };
    }
    if (!this.context.mayWrite(this.context.pathOf(key))) {
      return { key, reason: 'denied', detail: 'NoAuth' };
    }
    return tooLarge(operation, this.limits);
  }

  /** The ledger first, so that it is what a deposed daemon is told. */
  private steps(): Step[] {
    const { ledgerPath, tree, pathOf } = this.context;
    const steps: Step[] = [];
    const made = new Set<string>();
    const create = (path: string, data: Uint8Array, what: Step['for'], isParent: boolean): void => {
      const parent = parentPath(path);
      if (tree.node(parent) === undefined && !made.has(parent)) create(parent, NO_DATA, what, true);
      made.add(path);
      steps.push({ operation: { kind: 'create', path, data }, for: what, isParent });
    };
    const change = (operation: TreeOperation, what: Step['for']): void => {
      steps.push({ operation, for: what, isParent: false });
    };
    const { ledger, operations } = this.batch;
    if (ledger !== undefined) {
      const data = Buffer.from(ledger.content);
      const version = ledger.expected?.revision;
      if (ledger.expected === undefined) create(ledgerPath, data, 'ledger', false);
      else change({ kind: 'set', path: ledgerPath, data, version }, 'ledger');
    }
    for (const operation of operations) {
      const path = pathOf(operation.key);
      if (operation.kind === 'create') {
        create(path, operation.value, operation, false);
        continue;
      }
      const version = operation.base.version.revision;
      if (operation.kind === 'update')
        change({ kind: 'set', path, data: operation.value, version }, operation);
      else change({ kind: 'delete', path, version }, operation);
    }
    return steps;
  }

  /** Other incarnations than those the batch was decided on: their versions may match nonetheless. */
  private recreated(): ReadonlyMap<EntryKey, PresentReading> {
    const { tree, pathOf, read } = this.context;
    const recreated = new Map<EntryKey, PresentReading>();
    for (const operation of this.batch.operations) {
      if (operation.kind === 'create') continue;
      const path = pathOf(operation.key);
      const node = tree.node(path);
      if (node === undefined || node.czxid === operation.base.version.created) continue;
      recreated.set(operation.key, read(node, path));
    }
    return recreated;
  }

  private refused({ for: what }: Step, refusal: TreeRefusal): WriteOutcome {
    if (what === 'ledger') return { kind: 'condition-failed', keys: [], ledger: true };
    const { key } = what;
    if (refusal === 'ephemeral-parent') {
      return { kind: 'rejected', rejections: [{ key, reason: refusal, detail: 'NoChildrenForEphemerals' }] };
    }
    return { kind: 'condition-failed', keys: [key], ledger: false };
  }

  private applied(
    steps: readonly Step[],
    overwrittenInRace: ReadonlyMap<EntryKey, PresentReading>,
    { zxid, mtimeMs }: { zxid: bigint; mtimeMs: number },
  ): WriteOutcome {
    const { tree, keyOf } = this.context;
    const versions = new Map<EntryKey, Version>();
    const madeParents = new Map<EntryKey, Version>();
    const cleared = new Map<EntryKey, Version>();
    let ledger: Version | undefined;
    for (const { operation, for: what, isParent } of steps) {
      const node = tree.node(operation.path);
      if (node === undefined) continue;
      const version = versionOf(node);
      const parent = isParent ? keyOf(operation.path) : undefined;
      if (parent !== undefined) madeParents.set(parent, version);
      if (isParent) continue;
      if (what === 'ledger') ledger = version;
      else (what.kind === 'delete' ? cleared : versions).set(what.key, version);
    }
    const stamp = { atMs: mtimeMs, epoch: zxid >> 32n };
    return { kind: 'applied', versions, ledger, madeParents, cleared, overwrittenInRace, stamp };
  }
}
