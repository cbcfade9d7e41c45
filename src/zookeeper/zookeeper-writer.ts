import type { Digest, EntryKey, PresentReading } from '../core/observation.js';
import type { Version } from '../core/version.js';
import { ReplicaError } from '../ports/errors.js';
import type {
  Rejection,
  ReplicaLimits,
  SkipReason,
  WriteApplied,
  WriteBatch,
  WriteOperation,
  WriteOutcome,
} from '../ports/replica.js';
import type { LedgerNodes } from './ledger-nodes.js';
import type { MappingPaths } from './mapping-paths.js';
import { readAccess } from './node-access.js';
import type { NodeReader } from './node-reader.js';
import { ParentNodes } from './parent-nodes.js';
import { presentReading, stampOf, versionOf } from './readings.js';
import type { AclEntry, CreateMode, Stat } from './protocol.js';
import type { SessionLease } from './session-lease.js';
import { isReplaced, parentsNeeded, planWrite, type Step, type WritePlan } from './write-plan.js';
import { refusedByServer, showStatus, STATUS, ZooKeeperError } from './zookeeper-errors.js';
import type { ReadThenMulti, ZooKeeperSession } from './zookeeper-session.js';

export interface WriterOptions {
  readonly session: ZooKeeperSession;
  readonly reader: NodeReader;
  readonly paths: MappingPaths;
  readonly ledgerPath: string;
  readonly ledgers: LedgerNodes;
  readonly acl: readonly AclEntry[];
  readonly limits: ReplicaLimits;
  readonly digest: (value: Uint8Array) => Digest;
  /** What new entries are bound to. */
  readonly lease?: SessionLease | undefined;
}

/** Bounds of one request of the reads that go in front of a write. */
const READ_GROUP_MAX = 128;
const READ_GROUP_BYTES_MAX = 1024 * 1024;

/** The statuses that are an entry's own fault, for as long as it is as it is. */
const SKIP_REASONS: Readonly<Record<number, SkipReason>> = {
  [STATUS.noAuth]: 'denied',
  [STATUS.quotaExceeded]: 'denied',
  [STATUS.noChildrenForEphemerals]: 'ephemeral-parent',
  [STATUS.badArguments]: 'illegal-key',
};

const FAILED_CONDITIONS: ReadonlySet<number> = new Set([
  STATUS.badVersion,
  STATUS.noNode,
  STATUS.nodeExists,
  STATUS.notEmpty,
]);

/** Writes batches: each as one multi, under the conditions that ZooKeeper has (S3). */
export class ZooKeeperWriter {
  readonly #options: WriterOptions;
  readonly #parents: ParentNodes;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#parents = new ParentNodes(options.session, options.reader);
  }

  async write(batch: WriteBatch, signal: AbortSignal): Promise<WriteOutcome> {
    if (batch.operations.length === 0 && batch.ledger === undefined) throw new RangeError('an empty batch');
    const rejections = batch.operations.flatMap((operation) => this.#rejectionOf(operation) ?? []);
    if (rejections.length > 0) return { kind: 'rejected', rejections };
    // Once for all: who stops leading in between must not bind a copy to the session of this process.
    const lease = this.#lease(batch);
    const prepared = await this.#prepare(batch, lease && 'ephemeral', signal);
    if ('kind' in prepared) return prepared;
    try {
      const through = lease ?? this.#options.session;
      const done = await through.readThenMulti(this.#readGroups(batch), prepared.operations, signal);
      return this.#outcome(batch, prepared, done);
    } catch (error) {
      if (!(error instanceof ZooKeeperError)) throw error;
      return { kind: error.ambiguous ? 'unknown' : 'retriable', cause: error };
    }
  }

  /** Finds and makes what has to be there before the batch; nothing of the batch is sent yet. */
  async #prepare(
    batch: WriteBatch,
    mode: CreateMode | undefined,
    signal: AbortSignal,
  ): Promise<WritePlan | WriteOutcome> {
    const { paths, ledgers, ledgerPath, acl, session } = this.#options;
    try {
      const { missing, ephemeral } = await this.#parents.inspect(parentsNeeded(batch, paths), signal);
      const rejections = this.#belowEphemerals(batch, ephemeral);
      if (rejections.length > 0) return { kind: 'rejected', rejections };
      if (batch.ledger !== undefined && batch.ledger.expected === undefined) {
        await ledgers.makeParents(ledgerPath, signal);
      }
      const replaced = batch.operations.filter(isReplaced).map(({ key }) => paths.pathOf(key));
      const access = replaced.length === 0 ? undefined : await readAccess(session, replaced, signal);
      return planWrite(batch, { paths, ledgerPath, acl, missing, mode, access });
    } catch (error) {
      if (!(error instanceof ReplicaError)) throw error;
      return { kind: 'retriable', cause: error };
    }
  }

  /** By which a batch goes that makes something bound to it; what is there already can be written by any session. */
  #lease({ operations }: WriteBatch): SessionLease | undefined {
    const { lease } = this.#options;
    const makes = operations.some(
      (one) => isReplaced(one) || (one.kind === 'create' && one.value.length > 0),
    );
    return makes && lease?.isTended === true ? lease : undefined;
  }

  #rejectionOf(operation: WriteOperation): Rejection | undefined {
    const { limits, paths } = this.#options;
    const { key } = operation;
    const illegal = limits.unmappable(key);
    if (illegal !== undefined) return { key, reason: 'illegal-key', detail: illegal };
    if (operation.kind !== 'create' && operation.base.session !== undefined) {
      const detail = `${paths.pathOf(key)} is an ephemeral node of session ${operation.base.session}`;
      return { key, reason: 'session-bound', detail };
    }
    const bytes = operation.kind === 'delete' ? 0 : operation.value.length;
    if (bytes <= limits.valueBytesMax) return undefined;
    const detail = `${bytes} bytes are more than the ${limits.valueBytesMax} that fit into a ZooKeeper request`;
    return { key, reason: 'too-large', detail };
  }

  #belowEphemerals(batch: WriteBatch, ephemeral: ReadonlySet<string>): Rejection[] {
    if (ephemeral.size === 0) return [];
    return batch.operations.flatMap((operation): Rejection[] => {
      const path = this.#options.paths.pathOf(operation.key);
      const parent = [...ephemeral].find((candidate) => path.startsWith(`${candidate}/`));
      if (operation.kind !== 'create' || parent === undefined) return [];
      return [{ key: operation.key, reason: 'ephemeral-parent', detail: `${parent} is an ephemeral node` }];
    });
  }

  /**
   * What to read right in front of the multi: every node whose incarnation the multi can't tell, since its `version`
   * begins at 0 again when it is recreated, and no operation has a condition on `czxid`.
   */
  #readGroups(batch: WriteBatch): string[][] {
    const groups: string[][] = [];
    let bytes = Infinity;
    for (const operation of batch.operations) {
      if (operation.kind === 'create') continue;
      const size = operation.base.value.length;
      const group = groups.at(-1);
      const path = this.#options.paths.pathOf(operation.key);
      if (group !== undefined && group.length < READ_GROUP_MAX && bytes + size <= READ_GROUP_BYTES_MAX) {
        group.push(path);
        bytes += size;
      } else {
        groups.push([path]);
        bytes = size;
      }
    }
    return groups;
  }

  #outcome(batch: WriteBatch, plan: WritePlan, { before, outcome }: ReadThenMulti): WriteOutcome {
    if (outcome.kind === 'failed') {
      this.#parents.forgetAll();
      return this.#failure(plan.steps[outcome.index], outcome.status);
    }
    const applied = this.#applied(plan, outcome.zxid, outcome.stats);
    const ledgerCreated = batch.ledger?.expected?.created;
    if (ledgerCreated !== undefined && applied.ledger?.created !== ledgerCreated) {
      return { kind: 'unknown', cause: this.#ledgerRecreated() };
    }
    return { ...applied, overwrittenInRace: this.#overwritten(batch, before) };
  }

  #applied(plan: WritePlan, zxid: bigint, stats: readonly (Stat | undefined)[]): WriteApplied {
    const created: Version = { modified: zxid, created: zxid, revision: 0 };
    const versions = new Map<EntryKey, Version>();
    const madeParents = new Map<EntryKey, Version>();
    const cleared = new Map<EntryKey, Version>();
    let ledger: Version | undefined;
    plan.steps.forEach((step, i) => {
      const stat = stats[i];
      const version = stat === undefined ? created : versionOf(stat);
      if (step.kind === 'ledger') ledger = version;
      else if (step.kind === 'parent') {
        if (step.key !== undefined) madeParents.set(step.key, version);
      } else if (step.clears) cleared.set(step.operation.key, version);
      else if (step.operation.kind !== 'delete') versions.set(step.operation.key, version);
    });
    this.#learn(plan);
    const told = stats.find((stat) => stat !== undefined);
    const stamp = told && stampOf(told);
    return {
      kind: 'applied',
      versions,
      ledger,
      madeParents,
      cleared,
      overwrittenInRace: new Map(),
      stamp,
    };
  }

  #learn({ operations, steps }: WritePlan): void {
    operations.forEach((operation, i) => {
      if (steps[i]?.kind === 'parent') this.#parents.made([operation.path]);
      if (operation.kind === 'delete') this.#parents.removed(operation.path);
    });
  }

  #overwritten(batch: WriteBatch, before: ReadThenMulti['before']): Map<EntryKey, PresentReading> {
    const overwritten = new Map<EntryKey, PresentReading>();
    for (const operation of batch.operations) {
      if (operation.kind === 'create') continue;
      const seen = before.get(this.#options.paths.pathOf(operation.key));
      if (seen?.kind !== 'node' || seen.node.stat.czxid === operation.base.version.created) continue;
      overwritten.set(operation.key, presentReading(seen.node, this.#options.digest));
    }
    return overwritten;
  }

  #failure(step: Step | undefined, status: number): WriteOutcome {
    const key = keyOf(step);
    if (FAILED_CONDITIONS.has(status)) {
      return {
        kind: 'condition-failed',
        keys: key === undefined ? [] : [key],
        ledger: step?.kind === 'ledger',
      };
    }
    const reason = SKIP_REASONS[status];
    if (key !== undefined && reason !== undefined) {
      const path = this.#options.paths.pathOf(key);
      return { kind: 'rejected', rejections: [{ key, reason, detail: `${path}: ${showStatus(status)}` }] };
    }
    const path = key === undefined ? this.#options.ledgerPath : this.#options.paths.pathOf(key);
    return {
      kind: 'retriable',
      cause: refusedByServer(`multi, at ${path}`, this.#options.session.server, status),
    };
  }

  #ledgerRecreated(): ReplicaError {
    const { ledgerPath, session } = this.#options;
    const message = `the ledger ${ledgerPath} on ${session.server} was deleted and made again behind the daemon's back`;
    return new ReplicaError('STORE_PROTOCOL', message, false);
  }
}

function keyOf(step: Step | undefined): EntryKey | undefined {
  if (step?.kind === 'entry') return step.operation.key;
  return step?.kind === 'parent' ? step.neededBy : undefined;
}
