import type { EntryKey, PresentReading } from '../../../src/core/observation.js';
import type { Version } from '../../../src/core/version.js';
import { ReplicaError } from '../../../src/ports/errors.js';
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
  read(node: Znode, path: string, tree: MemoryTree): PresentReading;
  mayWrite(path: string): boolean;
  /** The session that new entries are bound to. */
  readonly session?: string | undefined;
}

/** An operation of a multi, and what of the batch it is for. */
interface Step {
  readonly operation: TreeOperation;
  readonly for: WriteOperation | 'ledger';
  /** It makes a parent that was missing. */
  readonly isParent: boolean;
}

const NO_DATA = new Uint8Array();

/** A batch as a multi of the tree: planned on what was known before, applied to what is there when it arrives. */
export class TreeBatch {
  constructor(
    private readonly batch: WriteBatch,
    private readonly limits: ReplicaLimits,
    private readonly context: TreeBatchContext,
  ) {
    mustFit(batch, limits);
  }

  /** What is seen to be impossible without asking the store. */
  rejections(): readonly Rejection[] {
    return this.batch.operations.flatMap((operation) => this.rejectionOf(operation) ?? []);
  }

  /** The parents that the batch needs and does not make itself, the nearest first. */
  parentsNeeded(): readonly string[] {
    const made = new Set<string>();
    const needed = new Set<string>();
    for (const { kind, key } of this.batch.operations) {
      if (kind !== 'create') continue;
      const path = this.context.pathOf(key);
      for (let above = parentPath(path); above !== '/' && !made.has(above); above = parentPath(above)) {
        needed.add(above);
      }
      made.add(path);
    }
    return [...needed];
  }

  /** Creates below nodes that go with a session, under which there can be none. */
  belowEphemerals(ephemeral: ReadonlySet<string>): readonly Rejection[] {
    return this.batch.operations.flatMap(({ kind, key }): Rejection[] => {
      const path = this.context.pathOf(key);
      if (kind !== 'create' || ![...ephemeral].some((parent) => path.startsWith(`${parent}/`))) return [];
      return [{ key, reason: 'ephemeral-parent', detail: 'NoChildrenForEphemerals' }];
    });
  }

  /**
   * @param missing parents that were found to be missing
   * @param seen the tree as the read right in front of the multi shows it: perhaps that of a follower that lags
   */
  apply(missing: ReadonlySet<string>, seen: MemoryTree): WriteOutcome {
    const { tree, writer, mayWrite } = this.context;
    const steps = this.steps(missing);
    const recreated = this.recreated(seen);
    const answer = tree.apply(
      steps.map((step) => step.operation),
      writer,
      mayWrite,
    );
    if (answer.kind === 'applied') return this.applied(steps, recreated, answer);
    const refused = steps[answer.index];
    if (refused === undefined) throw new RangeError(`no operation ${answer.index}`);
    return this.refused(refused, answer.refusal);
  }

  private rejectionOf(operation: WriteOperation): Rejection | undefined {
    const { key } = operation;
    const illegal = this.limits.unmappable(key);
    if (illegal !== undefined) return { key, reason: 'illegal-key', detail: illegal };
    if (operation.kind !== 'create' && operation.base.session !== undefined) {
      return { key, reason: 'session-bound', detail: `the node is of session ${operation.base.session}` };
    }
    return tooLarge(operation, this.limits);
  }

  /** The ledger first, so that it is what a deposed daemon is told. */
  private steps(missing: ReadonlySet<string>): Step[] {
    const steps: Step[] = [];
    const { ledger, operations } = this.batch;
    if (ledger !== undefined) {
      const data = Buffer.from(ledger.content);
      const path = this.context.ledgerPath;
      const operation: TreeOperation =
        ledger.expected === undefined
          ? { kind: 'create', path, data }
          : { kind: 'set', path, data, version: ledger.expected.revision };
      steps.push({ operation, for: 'ledger', isParent: false });
    }
    const absent = new Set(missing);
    const removedBelow = new Map<string, number>();
    for (const operation of operations) steps.push(...this.stepsOf(operation, absent, removedBelow));
    return steps;
  }

  /**
   * @param absent nodes that are not there when the operation's turn comes
   * @param removedBelow how many children each node has lost by then
   */
  private stepsOf(
    operation: WriteOperation,
    absent: Set<string>,
    removedBelow: Map<string, number>,
  ): readonly Step[] {
    const path = this.context.pathOf(operation.key);
    const step = (one: TreeOperation, isParent = false): Step => ({
      operation: one,
      for: operation,
      isParent,
    });
    if (operation.kind === 'create') {
      const parents: Step[] = [];
      for (let above = parentPath(path); absent.has(above); above = parentPath(above)) {
        absent.delete(above);
        parents.unshift(step({ kind: 'create', path: above, data: NO_DATA }, true));
      }
      absent.delete(path);
      const { value: data, access } = operation;
      return [...parents, step({ kind: 'create', path, data, access, ephemeralOwner: this.ownerOf(data) })];
    }
    const version = operation.base.version.revision;
    if (operation.kind === 'update' && operation.base.isMisbound === true) {
      const data = operation.value;
      const access = this.context.tree.node(path)?.access;
      const anew = step({ kind: 'create', path, data, access, ephemeralOwner: this.ownerOf(data) });
      return [step({ kind: 'delete', path, version }), anew];
    }
    if (operation.kind === 'update') return [step({ kind: 'set', path, data: operation.value, version })];
    // Whether it still has children is judged by the reading; if that is wrong, a condition fails, or it is cleared.
    if (operation.base.children > (removedBelow.get(path) ?? 0)) {
      return [step({ kind: 'set', path, data: NO_DATA, version })];
    }
    absent.add(path);
    const above = parentPath(path);
    removedBelow.set(above, (removedBelow.get(above) ?? 0) + 1);
    return [step({ kind: 'delete', path, version })];
  }

  /** Parents, which have no data, are bound to nothing. */
  private ownerOf(data: Uint8Array): string | undefined {
    return data.length > 0 ? this.context.session : undefined;
  }

  /** Other incarnations than those the batch was decided on: their versions may match nonetheless. */
  private recreated(seen: MemoryTree): ReadonlyMap<EntryKey, PresentReading> {
    const { pathOf, read } = this.context;
    const recreated = new Map<EntryKey, PresentReading>();
    for (const operation of this.batch.operations) {
      if (operation.kind === 'create') continue;
      const path = pathOf(operation.key);
      const node = seen.node(path);
      if (node === undefined || node.czxid === operation.base.version.created) continue;
      recreated.set(operation.key, read(node, path, seen));
    }
    return recreated;
  }

  private refused({ for: what }: Step, refusal: TreeRefusal): WriteOutcome {
    if (what === 'ledger') {
      if (refusal !== 'no-auth') return { kind: 'condition-failed', keys: [], ledger: true };
      const message = `the ledger ${this.context.ledgerPath} can't be written: NoAuth`;
      return { kind: 'retriable', cause: new ReplicaError('STORE_DENIED', message, false) };
    }
    const { key } = what;
    if (refusal === 'ephemeral-parent') {
      return { kind: 'rejected', rejections: [{ key, reason: refusal, detail: 'NoChildrenForEphemerals' }] };
    }
    if (refusal === 'no-auth')
      return { kind: 'rejected', rejections: [{ key, reason: 'denied', detail: 'NoAuth' }] };
    return { kind: 'condition-failed', keys: [key], ledger: false };
  }

  private applied(
    steps: readonly Step[],
    overwrittenInRace: ReadonlyMap<EntryKey, PresentReading>,
    { zxid, mtimeMs }: { zxid: bigint; mtimeMs: number },
  ): WriteOutcome {
    const { tree, keyOf, ledgerPath } = this.context;
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
    const expected = this.batch.ledger?.expected;
    if (expected !== undefined && ledger?.created !== expected.created) {
      const message = `the ledger ${ledgerPath} was deleted and made again behind the daemon's back`;
      return { kind: 'unknown', cause: new ReplicaError('STORE_PROTOCOL', message, false) };
    }
    // A multi answers with the stat of what it set, and with none of what it created.
    const isStamped = steps.some(({ operation }) => operation.kind === 'set');
    const stamp = isStamped ? { atMs: mtimeMs, epoch: zxid >> 32n } : undefined;
    return { kind: 'applied', versions, ledger, madeParents, cleared, overwrittenInRace, stamp };
  }
}
