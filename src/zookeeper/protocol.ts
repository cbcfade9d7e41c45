/** Op codes of the protocol (`ZooDefs.OpCode`), those that node-zookeeper-client lacks included. */
export const OP = {
  create: 1,
  delete: 2,
  exists: 3,
  getData: 4,
  setData: 5,
  getACL: 6,
  getChildren: 8,
  sync: 9,
  ping: 11,
  getChildren2: 12,
  multi: 14,
  /** 3.6 and later. */
  multiRead: 22,
  /** 3.6 and later. */
  addWatch: 106,
  error: -1,
} as const;

/** Transaction ids with a meaning of their own. */
export const XID = { notification: -1, ping: -2, auth: -4 } as const;

export type OperationName =
  'exists' | 'getData' | 'getACL' | 'getChildren2' | 'sync' | 'multi' | 'multiRead' | 'addWatch';

/** A request ready to be sent, but for its transaction id. */
export interface WireRequest {
  readonly operation: OperationName;
  /** For messages. */
  readonly path: string;
  /** The whole frame: length, transaction id (to be filled in), type, body. */
  readonly frame: Buffer;
}

/** What a node's header says (`Stat`); times are the leader's wall clock, milliseconds since the epoch. */
export interface Stat {
  readonly czxid: bigint;
  readonly mzxid: bigint;
  readonly pzxid: bigint;
  readonly mtimeMs: number;
  readonly version: number;
  /** The session that owns an ephemeral node; 0 for others (and for container and TTL nodes, see `ownerSession`). */
  readonly ephemeralOwner: bigint;
  readonly dataLength: number;
  readonly numChildren: number;
}

/** One entry of an access control list; `permissions` is a bit mask (read 1, write 2, create 4, delete 8, admin 16). */
export interface AclEntry {
  readonly scheme: string;
  readonly id: string;
  readonly permissions: number;
}

export type CreateMode = 'ephemeral' | 'ephemeral-sequential';

/** An operation of a `multi`. Paths are complete, chroot included. */
export type MultiOperation =
  | {
      readonly kind: 'create';
      readonly path: string;
      readonly data: Uint8Array;
      readonly acl: readonly AclEntry[];
      /** Persistent unless said; an ephemeral node goes with its session, and a sequential one gets a number appended. */
      readonly mode?: CreateMode | undefined;
    }
  | { readonly kind: 'setData'; readonly path: string; readonly data: Uint8Array; readonly version: number }
  | { readonly kind: 'delete'; readonly path: string; readonly version: number };

/** What one operation of a `multi` came to. */
export type MultiResult =
  | { readonly kind: 'done'; /** Only of `setData`. */ readonly stat: Stat | undefined }
  | { readonly kind: 'error'; readonly status: number };

export interface NodeData {
  readonly data: Buffer;
  readonly stat: Stat;
}

export interface NodeAcl {
  readonly acl: readonly AclEntry[];
  readonly stat: Stat;
}

export interface NodeChildren {
  readonly names: readonly string[];
  readonly stat: Stat;
}

/** The answer for one node of a `multiRead`, or the status it was refused with. */
export type MultiReadAnswer<T> =
  { readonly kind: 'node'; readonly node: T } | { readonly kind: 'error'; readonly status: number };

export interface ReplyHeader {
  readonly xid: number;
  readonly zxid: bigint;
  readonly status: number;
  readonly body: Buffer;
}

/** Watch event types (`Watcher.Event.EventType`). Later servers may add some; they are hints like the others. */
export type WatchEventType = 'created' | 'deleted' | 'data-changed' | 'children-changed' | 'other';

export interface WatchEvent {
  readonly type: WatchEventType;
  /** Complete, chroot included; empty for an event about no node. */
  readonly path: string;
}

/**
 * The session that owns a node, or undefined for one that outlives sessions. Container and TTL nodes (3.5 and later)
 * use the same field with marks of their own: 0x8000000000000000 for a container, 0xff0000 in front for a TTL.
 */
export function ownerSession(stat: Stat): string | undefined {
  if (stat.ephemeralOwner === 0n) return undefined;
  const owner = BigInt.asUintN(64, stat.ephemeralOwner);
  const isContainer = owner === 0x8000_0000_0000_0000n;
  const isTtl = owner >> 40n === 0xff_0000n;
  return isContainer || isTtl ? undefined : `0x${owner.toString(16)}`;
}
