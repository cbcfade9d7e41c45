import type { MappingConfig } from '../../config/schema.js';
import { isStructure } from '../../core/classify.js';
import { compareKeys } from '../../core/key-order.js';
import type { EntryKey } from '../../core/observation.js';
import { sideOf } from '../../daemon/mapping-context.js';
import type { OfflineAccess } from '../../daemon/offline-access.js';
import { digestOf } from '../../daemon/system.js';
import type { MappingContext } from '../../sync/context.js';
import type { LeftOutReason, Wanted, WrittenContent } from '../../sync/content-writer.js';
import { ContentWriter } from '../../sync/content-writer.js';
import { isReadableToAll } from '../../zookeeper/permissions.js';
import { CommandError, EXIT } from '../exit-code.js';
import type { FileState } from '../sealed-reading.js';
import type { BackupEntry, BackupItem } from './backup-format.js';
import { readBackup } from './backup-reader.js';

/** What is restored of one mapping, and how. */
export interface Restoration {
  readonly file: string;
  /** As the file was when it was verified. */
  readonly state: FileState;
  readonly mapping: MappingConfig;
  /** Whose content of the file. */
  readonly from: 'zookeeper' | 'consul';
  readonly to: 'zookeeper' | 'consul';
  /** Deletes what the file does not have. */
  readonly deleteOthers: boolean;
  /** Makes znodes with `zookeeper.acl` instead of the ACLs that the file has. */
  readonly defaultAcl: boolean;
}

/** One entry of what a restore does or leaves out. */
export type RestoreStep =
  | { readonly key: EntryKey; readonly action: 'create' | 'update' | 'delete' }
  | {
      readonly key: EntryKey;
      readonly action: 'leave-out';
      readonly reason: RestoreLeftOutReason;
      readonly detail: string;
    };

export type RestoreLeftOutReason = LeftOutReason | 'excluded' | 'not-in-backup';

type LeftOutStep = RestoreStep & { readonly action: 'leave-out' };

export interface RestoreCounts {
  readonly create: number;
  readonly update: number;
  readonly delete: number;
  readonly same: number;
  readonly leftOut: number;
}

/** How many entries are looked at together, and how many bytes their values have at most. */
const CHUNK_ENTRIES = 512;
const CHUNK_BYTES = 8 * 1024 * 1024;
/** More than these are not deleted by a restore: their keys are kept in memory between the look and the deletion. */
const OTHERS_MAX = 200_000;

/** Makes one side of a mapping hold what a backup has: first a look at what that takes, then the writes. */
export class Restoring {
  private readonly context: MappingContext;
  private readonly writer: ContentWriter;
  /** What the file does not have, with the versions that were seen. */
  private readonly others = new Map<EntryKey, bigint>();

  constructor(
    private readonly restoration: Restoration,
    access: OfflineAccess,
  ) {
    this.context = access.context(restoration.mapping);
    const { replicas, gates, clock, random } = this.context;
    const side = sideOf(restoration.to);
    this.writer = new ContentWriter(replicas[side], gates[side], clock, random);
  }

  /**
   * Tells what a restore would do, and writes nothing.
   * @throws ReplicaError, CommandError
   */
  async preview(
    tell: (step: RestoreStep) => void,
    progress: (looked: number) => void,
    signal: AbortSignal,
  ): Promise<RestoreCounts> {
    const counts = { create: 0, update: 0, delete: 0, same: 0, leftOut: 0 };
    let looked = 0;
    for await (const { wanted, leftOut } of this.chunks()) {
      counts.leftOut += leftOut.length;
      leftOut.forEach(tell);
      for await (const page of this.writer.look(wanted, signal)) {
        for (const {
          wanted: { key },
          need,
        } of page) {
          if (need.kind === 'nothing') counts.same++;
          else if (need.kind === 'write') counts[need.operation.kind]++;
          else counts.leftOut++;
          if (need.kind === 'write') tell({ key, action: need.operation.kind });
          if (need.kind === 'left-out')
            tell({ key, action: 'leave-out', reason: need.reason, detail: need.detail });
        }
        progress((looked += page.length));
      }
    }
    if (this.restoration.deleteOthers) await this.findOthers(signal);
    for (const key of this.others.keys()) tell({ key, action: 'delete' });
    counts.delete = this.others.size;
    return counts;
  }

  /**
   * Writes, each entry under the condition of what was just read of it.
   * @returns what was written, and left out; the latter is told
   */
  async carryOut(
    tell: (step: LeftOutStep) => void,
    progress: (dealtWith: number) => void,
    signal: AbortSignal,
  ): Promise<RestoreCounts & { readonly overwrittenInRace: readonly EntryKey[] }> {
    const counts = { create: 0, update: 0, delete: 0, same: 0, leftOut: 0 };
    const overwrittenInRace: EntryKey[] = [];
    let dealtWith = 0;
    const add = (written: WrittenContent): void => {
      counts.create += written.create;
      counts.update += written.update;
      counts.delete += written.delete;
      counts.same += written.same;
      counts.leftOut += written.leftOut.length;
      for (const one of written.leftOut) tell({ ...one, action: 'leave-out' });
      overwrittenInRace.push(...written.overwrittenInRace);
    };
    for await (const { wanted, leftOut } of this.chunks()) {
      counts.leftOut += leftOut.length;
      leftOut.forEach(tell);
      add(await this.writer.write(wanted, signal));
      progress((dealtWith += wanted.length));
    }
    // Children first: a znode that has any can't be deleted.
    const removals = [...this.others]
      .reverse()
      .map(([key, seen]): Wanted => ({ kind: 'removal', key, seen }));
    while (removals.length > 0) add(await this.writer.write(removals.splice(0, CHUNK_ENTRIES), signal));
    return { ...counts, overwrittenInRace };
  }

  /** The file's entries, as they are wanted. */
  private async *chunks(): AsyncGenerator<{ wanted: Wanted[]; leftOut: LeftOutStep[] }> {
    let chunk: { wanted: Wanted[]; leftOut: LeftOutStep[] } = { wanted: [], leftOut: [] };
    let bytes = 0;
    for await (const item of this.items()) {
      const one = this.wantedOf(item);
      if ('action' in one) chunk.leftOut.push(one);
      else chunk.wanted.push(one);
      bytes += 'value' in item ? item.value.length : 0;
      if (chunk.wanted.length + chunk.leftOut.length >= CHUNK_ENTRIES || bytes >= CHUNK_BYTES) {
        yield chunk;
        chunk = { wanted: [], leftOut: [] };
        bytes = 0;
      }
    }
    yield chunk;
  }

  /** The lines that are about this mapping, and this side of it. */
  private async *items(): AsyncGenerator<BackupItem> {
    const { file, state, mapping, from } = this.restoration;
    for await (const item of readBackup(file, state)) {
      if (item.mapping === mapping.name && (item.side === 'both' || item.side === from)) yield item;
    }
  }

  private wantedOf(item: BackupItem): Wanted | LeftOutStep {
    const { key } = item;
    const leaveOut = (reason: RestoreLeftOutReason, detail: string): LeftOutStep => ({
      key,
      action: 'leave-out',
      reason,
      detail,
    });
    if ('unread' in item)
      return leaveOut('not-in-backup', `it could not be read for the backup: ${item.unread}`);
    if (item.session !== undefined) return leaveOut('session-bound', 'a session owned it');
    if (!this.context.scope.includes(key)) return leaveOut('excluded', "the mapping's patterns leave it out");
    if (this.restoration.to === 'consul' && this.isSecret(item)) {
      return leaveOut('read-restricted', 'not everybody could read it in ZooKeeper (restricted: skip)');
    }
    return this.contentOf(item);
  }

  private contentOf(entry: BackupEntry): Wanted {
    const { key, value, flags, acl } = entry;
    const { to, defaultAcl } = this.restoration;
    const isHidden = to === 'zookeeper' && acl === 'hidden' && !defaultAcl;
    const access = defaultAcl || acl === undefined || acl === 'hidden' ? {} : { access: JSON.stringify(acl) };
    const onlyIfThere = isHidden
      ? 'its ACL is not in the backup: --default-acl makes it with zookeeper.acl'
      : undefined;
    return {
      kind: 'content',
      key,
      value,
      digest: digestOf(value),
      attributes: { flags, ...access },
      onlyIfThere,
      isSecret: this.isSecret(entry),
    };
  }

  /** Whether only ZooKeeper had it, where not everybody could read it, and the mapping keeps that from the other side. */
  private isSecret({ side, acl }: BackupEntry): boolean {
    if (this.restoration.mapping.restricted === 'mirror' || side !== 'zookeeper' || acl === undefined)
      return false;
    return acl === 'hidden' || !isReadableToAll(acl);
  }

  /** Walks the store next to the file, in the same order. */
  private async findOthers(signal: AbortSignal): Promise<void> {
    const { mapping, to } = this.restoration;
    const replica = this.context.replicas[sideOf(to)];
    const kept = new KeptKeys(this.items(), mapping.name);
    for await (const page of replica.scan(() => undefined, signal)) {
      const missing: EntryKey[] = [];
      for (const { key } of page) {
        if (this.context.scope.includes(key) && !(await kept.has(key))) missing.push(key);
      }
      for (const [key, reading] of await replica.read(missing, signal)) {
        const isEntry =
          reading.kind === 'present' && !isStructure(key, reading) && reading.session === undefined;
        if (isEntry) this.others.set(key, reading.version.modified);
      }
      if (this.others.size > OTHERS_MAX) throw tooManyOthers();
    }
  }
}

function tooManyOthers(): CommandError {
  const advice = `Delete with the store's own tools, or is this the right file?`;
  return new CommandError(EXIT.found, `more than ${OTHERS_MAX} entries are not in the backup. ${advice}`);
}

/** Whether keys that are asked for in order are among others in the same order. */
class KeptKeys {
  private current: EntryKey | undefined;
  private hasEnded = false;

  constructor(
    private readonly items: AsyncIterator<BackupItem>,
    private readonly mapping: string,
  ) {}

  async has(key: EntryKey): Promise<boolean> {
    while (!this.hasEnded && (this.current === undefined || compareKeys(this.current, key) < 0))
      await this.advance();
    return this.current === key;
  }

  private async advance(): Promise<void> {
    const next = await this.items.next();
    this.hasEnded = next.done === true;
    if (next.done === true) return;
    const { key } = next.value;
    if (this.current !== undefined && compareKeys(this.current, key) > 0) {
      const message = `the entries of ${this.mapping} are not in order in the backup: it can't be told what it lacks`;
      throw new CommandError(EXIT.found, message);
    }
    this.current = key;
  }
}
