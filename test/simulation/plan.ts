import type { CutoverStep } from '../../src/core/cutover.js';
import type { Side } from '../../src/core/pair.js';
import type { Policy } from '../../src/core/policy.js';
import type { WatchTells } from '../kit/memory-store/memory-flat-replica.js';
import type { SessionBehavior } from '../kit/memory-store/memory-flat.js';

/**
 * One run, complete: what it runs with and everything that will be done to it. Plain data, so that it can be printed,
 * kept and made smaller. What chance decides while it runs (how long a request travels) comes from `seed`.
 */
export interface Plan {
  readonly seed: number;
  readonly setup: Setup;
  /** In this order; a step that makes no sense when its time has come does nothing. */
  readonly steps: readonly Step[];
}

export interface Setup {
  readonly policy: Partial<Policy>;
  readonly onArchiveLoss: 'hold' | 'merge';
  readonly verifyEveryMs: number;
  readonly maxDelete: { readonly percent: number; readonly atLeast: number };
  readonly maxOverwrite: { readonly percent: number; readonly atLeast: number };
  readonly journalMaxBytes: number;
  /** What each replica holds and takes at a time: small numbers make pages, answers and batches split. */
  readonly bounds: Bounds;
  /** ZooKeeper before 3.6 has one-shot watches only. */
  readonly watches?: 'recursive' | 'one-shot';
  /** What the watch of Consul tells. */
  readonly tells?: WatchTells;
  readonly travelMs: { readonly min: number; readonly max: number };
  /** How long the disk takes for a commit. */
  readonly diskMs: number;
  /** What a person answers where a hold asks for one. */
  readonly person: { readonly resyncFrom: 'merge' | Side; readonly keep: Side };
}

export interface Bounds {
  readonly pageEntries: number;
  readonly readBytesMax: number;
  readonly batchOperationsMax: number;
  /** Small enough, and values need the route of their own that is there for those that no batch takes. */
  readonly batchBytesMax?: number;
  readonly valueBytesMax?: number;
}

export interface Step {
  /** How long after the step before. */
  readonly afterMs: number;
  readonly act: Act;
}

export type Act = ClientAct | FaultAct | StoreAct | DaemonAct | PersonAct;

export type ClientAct =
  | { readonly do: 'put'; readonly side: Side; readonly key: string; readonly value: string }
  | { readonly do: 'delete'; readonly side: Side; readonly key: string }
  | { readonly do: 'delete-all'; readonly side: Side; readonly key: string }
  /** Deletes and puts at once. */
  | { readonly do: 'recreate'; readonly side: Side; readonly key: string; readonly value: string }
  /** Writes the value that is there already. */
  | { readonly do: 'touch'; readonly side: Side; readonly key: string }
  /** Writes the value that the other side has. */
  | { readonly do: 'imitate'; readonly side: Side; readonly key: string }
  /** Writes a value that the key has had before. */
  | { readonly do: 'revert'; readonly side: Side; readonly key: string }
  /** Many entries at once, `bulk/0` and so on. */
  | { readonly do: 'put-many'; readonly side: Side; readonly count: number; readonly value: string }
  | { readonly do: 'delete-many'; readonly side: Side; readonly count: number }
  /** Several entries in one transaction. */
  | {
      readonly do: 'put-together';
      readonly side: Side;
      readonly keys: readonly string[];
      readonly value: string;
    }
  /** Makes an ephemeral znode, or takes the lock on a key, which goes or stays when the session ends. */
  | {
      readonly do: 'own';
      readonly side: Side;
      readonly key: string;
      readonly value: string;
      readonly session: string;
      readonly behavior: SessionBehavior;
    }
  | { readonly do: 'end-session'; readonly side: Side; readonly session: string };

/** What goes wrong for so long, with this chance each time, drawn from `seed`. */
export interface Window {
  readonly side: Side;
  readonly forMs: number;
  readonly chance: number;
  readonly seed: number;
}

export type FaultAct =
  | ({ readonly do: 'lose-replies' } & Window)
  | ({ readonly do: 'lose-requests' } & Window)
  | ({ readonly do: 'refuse-writes' } & Window)
  | ({ readonly do: 'delay-writes'; readonly byMs: number } & Window)
  | ({ readonly do: 'fail-reads'; readonly code: ReadFailure } & Window)
  /** The answer is cut off: whether a write was done, nobody knows. */
  | ({ readonly do: 'cut-replies' } & Window)
  | ({ readonly do: 'delay-replies'; readonly byMs: number } & Window)
  | ({ readonly do: 'lose-reads' } & Window)
  /** Of what was asked, only the first part is answered. */
  | ({ readonly do: 'answer-in-part' } & Window)
  /** A follower answers that has not seen so many writes yet, where no `sync` was asked for. */
  | ({ readonly do: 'follow-behind'; readonly writes: number } & Window)
  | ({ readonly do: 'lose-hints' } & Window)
  | ({ readonly do: 'double-hints' } & Window)
  | ({ readonly do: 'delay-hints'; readonly byMs: number } & Window)
  /** No leader: every request is answered with this error (Consul: 500, 503 and the like, or 429). */
  | { readonly do: 'lose-leader'; readonly side: Side; readonly forMs: number; readonly code?: ReadFailure }
  /** Watches return although nothing changed. */
  | { readonly do: 'wake-watches'; readonly side: Side }
  | { readonly do: 'lag'; readonly side: Side; readonly forMs: number }
  | { readonly do: 'disconnect'; readonly side: Side; readonly forMs: number }
  | { readonly do: 'expire-session'; readonly side: Side }
  | {
      readonly do: 'deny';
      readonly side: Side;
      readonly access: 'read' | 'write' | 'both';
      readonly below: string;
      readonly forMs: number;
    };

export type ReadFailure = 'STORE_UNREACHABLE' | 'STORE_TIMEOUT' | 'STORE_OVERLOADED';

export type StoreAct =
  | { readonly do: 'snapshot'; readonly side: Side }
  /** `reusesNumbers`: writes after it may get the numbers of writes that are lost with it, where the store can do that. */
  | { readonly do: 'restore'; readonly side: Side; readonly reusesNumbers?: boolean }
  | { readonly do: 'wipe'; readonly side: Side }
  | { readonly do: 'elect-leader'; readonly aheadMs: number }
  /** The clock of the machine that leads the store is set. */
  | { readonly do: 'jump-store-clock'; readonly side: Side; readonly byMs: number }
  /** Consul forgets its deletions before their time, so that indexes of prefixes fall. */
  | { readonly do: 'collect-tombstones' };

export type DaemonAct =
  /** Dies at its `touches`th next dealing with the world. What of its unsynced commits survives comes from `seed`. */
  | {
      readonly do: 'crash';
      readonly touches: number;
      readonly seed: number;
      /** Whether the requests on their way still arrive. */
      readonly requestsArrive: boolean;
      readonly downMs: number;
    }
  | { readonly do: 'stop'; readonly downMs: number }
  | { readonly do: 'fail-disk' }
  | { readonly do: 'delete-archive'; readonly downMs: number }
  | { readonly do: 'jump-clock'; readonly byMs: number }
  /** The same instance is started a second time, with an empty archive or a copy of the first one's. */
  | { readonly do: 'start-rival'; readonly archive: 'empty' | 'copy'; readonly forMs: number };

export type PersonAct =
  | { readonly do: 'pause' }
  | { readonly do: 'resume' }
  | { readonly do: 'approve' }
  | { readonly do: 'resync'; readonly from: 'merge' | Side }
  | { readonly do: 'release'; readonly keep: Side }
  /** Puts back from the trash what was deleted lately, below a folder or anywhere. */
  | { readonly do: 'put-back'; readonly folder: string; readonly lastMs: number }
  /** Has the newest settled conflict decided the other way, or the same way again. */
  | { readonly do: 'resolve'; readonly keep: Side }
  /** Takes a step of the cutover, whatever the gates would say. */
  | { readonly do: 'cutover'; readonly step: CutoverStep };
