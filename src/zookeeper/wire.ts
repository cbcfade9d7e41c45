import jute, { type JuteRecord, type StatRecord } from 'node-zookeeper-client/lib/jute/index.js';

/** Op codes of the protocol (`ZooDefs.OpCode`), those that node-zookeeper-client lacks included. */
export const OP = {
  create: 1,
  delete: 2,
  exists: 3,
  getData: 4,
  setData: 5,
  getAcl: 6,
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

/** `addWatch` modes. */
const PERSISTENT_RECURSIVE = 1;

export type OperationName =
  'exists' | 'getData' | 'getAcl' | 'getChildren2' | 'sync' | 'multi' | 'multiRead' | 'addWatch';

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

/** An operation of a `multi`. Paths are complete, chroot included. */
export type MultiOperation =
  | {
      readonly kind: 'create';
      readonly path: string;
      readonly data: Uint8Array;
      readonly acl: readonly AclEntry[];
      /** Persistent unless said; an ephemeral sequential node goes with its session, and gets a number appended. */
      readonly mode?: 'ephemeral-sequential';
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

/** Flags of a create (`CreateMode`). */
const PERSISTENT_NODE = 0;
const EPHEMERAL_SEQUENTIAL_NODE = 3;
const LENGTH_AND_HEADER_BYTES = 12;

export function existsRequest(path: string, watch: boolean): WireRequest {
  return request('exists', path, OP.exists, [new jute.protocol.ExistsRequest(path, watch)]);
}

export function getDataRequest(path: string, watch: boolean): WireRequest {
  return request('getData', path, OP.getData, [new jute.protocol.GetDataRequest(path, watch)]);
}

export function getAclRequest(path: string): WireRequest {
  return request('getAcl', path, OP.getAcl, [new jute.protocol.GetACLRequest(path)]);
}

export function getChildren2Request(path: string, watch: boolean): WireRequest {
  return request('getChildren2', path, OP.getChildren2, [new jute.protocol.GetChildren2Request(path, watch)]);
}

/** Lets later reads of this connection see everything that was committed before it. */
export function syncRequest(path: string): WireRequest {
  // The package has no SyncRequest; it is one path, as a GetACLRequest is.
  return request('sync', path, OP.sync, [new jute.protocol.GetACLRequest(path)]);
}

/** A persistent recursive watch (op 106: `ustring path; int mode`). */
export function addWatchRequest(path: string): WireRequest {
  // The package has no AddWatchRequest; it is a path and a number, as a DeleteRequest is.
  return request('addWatch', path, OP.addWatch, [
    new jute.protocol.DeleteRequest(path, PERSISTENT_RECURSIVE),
  ]);
}

/** Reads the data, or the children's names, of many nodes (op 22), each with an error of its own. */
export function multiReadRequest(what: 'getData' | 'getChildren', paths: readonly string[]): WireRequest {
  // The package has no GetChildrenRequest; it is a path and a flag, as a GetDataRequest is.
  const records = paths.flatMap((path) => [
    new jute.protocol.MultiHeader(OP[what], false, -1),
    new jute.protocol.GetDataRequest(path, false),
  ]);
  return request('multiRead', paths[0] ?? '/', OP.multiRead, [...records, endOfMulti()]);
}

/** All of the operations or none (op 14). */
export function multiRequest(operations: readonly MultiOperation[]): WireRequest {
  const records = operations.flatMap((operation) => [
    new jute.protocol.MultiHeader(OP[operation.kind], false, -1),
    multiRecord(operation),
  ]);
  return request('multi', operations[0]?.path ?? '/', OP.multi, [...records, endOfMulti()]);
}

/** How many bytes of a packet one operation takes. */
export function multiOperationBytes(operation: MultiOperation): number {
  return new jute.protocol.MultiHeader().byteLength() + multiRecord(operation).byteLength();
}

function multiRecord(operation: MultiOperation): JuteRecord {
  switch (operation.kind) {
    case 'create': {
      const acl = operation.acl.map(
        ({ scheme, id, permissions }) => new jute.data.ACL(permissions, new jute.data.Id(scheme, id)),
      );
      const flags = operation.mode === undefined ? PERSISTENT_NODE : EPHEMERAL_SEQUENTIAL_NODE;
      return new jute.protocol.CreateRequest(operation.path, asBuffer(operation.data), acl, flags);
    }
    case 'setData':
      return new jute.protocol.SetDataRequest(operation.path, asBuffer(operation.data), operation.version);
    case 'delete':
      return new jute.protocol.DeleteRequest(operation.path, operation.version);
  }
}

function endOfMulti(): JuteRecord {
  return new jute.protocol.MultiHeader(-1, true, -1);
}

function request(
  operation: OperationName,
  path: string,
  type: number,
  records: readonly JuteRecord[],
): WireRequest {
  const bodyBytes = records.reduce((sum, record) => sum + record.byteLength(), 0);
  const frame = Buffer.alloc(LENGTH_AND_HEADER_BYTES + bodyBytes);
  frame.writeInt32BE(frame.length - 4, 0);
  frame.writeInt32BE(type, 8);
  let offset = LENGTH_AND_HEADER_BYTES;
  for (const record of records) offset += record.serialize(frame, offset);
  return { operation, path, frame };
}

function asBuffer(data: Uint8Array): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

export function decodeExists(body: Buffer): Stat {
  const response = new jute.protocol.ExistsResponse();
  response.deserialize(body, 0);
  return statOf(response.stat);
}

export function decodeData(body: Buffer): NodeData {
  const response = new jute.protocol.GetDataResponse();
  response.deserialize(body, 0);
  return { data: response.data ?? Buffer.alloc(0), stat: statOf(response.stat) };
}

export function decodeAcl(body: Buffer): NodeAcl {
  const response = new jute.protocol.GetACLResponse();
  response.deserialize(body, 0);
  const acl = (response.acl ?? []).map(({ perms, id }) => ({
    scheme: id.scheme ?? '',
    id: id.id ?? '',
    permissions: perms,
  }));
  return { acl, stat: statOf(response.stat) };
}

export function decodeChildren(body: Buffer): NodeChildren {
  const response = new jute.protocol.GetChildren2Response();
  response.deserialize(body, 0);
  return { names: response.children ?? [], stat: statOf(response.stat) };
}

/** One result per operation, errors included. */
export function decodeMulti(body: Buffer): MultiResult[] {
  const results: MultiResult[] = [];
  walkMulti(body, (type, offset) => {
    const { result, bytes } = decodeMultiResult(type, body, offset);
    results.push(result);
    return bytes;
  });
  return results;
}

/** The answer for one node of a `multiRead`, or the status it was refused with. */
export type MultiReadAnswer<T> =
  { readonly kind: 'node'; readonly node: T } | { readonly kind: 'error'; readonly status: number };

export function decodeMultiReadData(body: Buffer): MultiReadAnswer<NodeData>[] {
  return decodeMultiRead(body, OP.getData, (offset) => {
    const response = new jute.protocol.GetDataResponse();
    const bytes = response.deserialize(body, offset);
    return { node: { data: response.data ?? Buffer.alloc(0), stat: statOf(response.stat) }, bytes };
  });
}

export function decodeMultiReadChildren(body: Buffer): MultiReadAnswer<readonly string[]>[] {
  return decodeMultiRead(body, OP.getChildren, (offset) => {
    // The package has no GetChildrenResponse: a count, and that many strings, each as a CreateResponse is.
    const names: string[] = [];
    let end = offset + 4;
    for (let left = body.readInt32BE(offset); left > 0; left--) {
      const name = new jute.protocol.CreateResponse();
      end += name.deserialize(body, end);
      names.push(name.path ?? '');
    }
    return { node: names, bytes: end - offset };
  });
}

function decodeMultiRead<T>(
  body: Buffer,
  wanted: number,
  decode: (offset: number) => { node: T; bytes: number },
): MultiReadAnswer<T>[] {
  const answers: MultiReadAnswer<T>[] = [];
  walkMulti(body, (type, offset) => {
    if (type === OP.error) {
      const { status, bytes } = decodeError(body, offset);
      answers.push({ kind: 'error', status });
      return bytes;
    }
    if (type !== wanted) throw new RangeError(`a result of type ${type} in the reply to a multiRead`);
    const { node, bytes } = decode(offset);
    answers.push({ kind: 'node', node });
    return bytes;
  });
  return answers;
}

/** @param decode takes one result at `offset`, and tells how many bytes it had */
function walkMulti(body: Buffer, decode: (type: number, offset: number) => number): void {
  for (let offset = 0; ;) {
    const header = new jute.protocol.MultiHeader();
    offset += header.deserialize(body, offset);
    if (header.done) return;
    offset += decode(header.type, offset);
  }
}

function decodeMultiResult(
  type: number,
  body: Buffer,
  offset: number,
): { result: MultiResult; bytes: number } {
  switch (type) {
    case OP.create: {
      const bytes = new jute.protocol.CreateResponse().deserialize(body, offset);
      return { result: { kind: 'done', stat: undefined }, bytes };
    }
    case OP.setData: {
      const response = new jute.protocol.SetDataResponse();
      const bytes = response.deserialize(body, offset);
      return { result: { kind: 'done', stat: statOf(response.stat) }, bytes };
    }
    case OP.delete:
      return { result: { kind: 'done', stat: undefined }, bytes: 0 };
    case OP.error: {
      const { status, bytes } = decodeError(body, offset);
      return { result: { kind: 'error', status }, bytes };
    }
    default:
      throw new RangeError(`a result of type ${type} in the reply to a multi`);
  }
}

function decodeError(body: Buffer, offset: number): { status: number; bytes: number } {
  const response = new jute.protocol.ErrorResponse();
  const bytes = response.deserialize(body, offset);
  return { status: response.err, bytes };
}

function statOf(record: StatRecord): Stat {
  return {
    czxid: record.czxid.readBigInt64BE(),
    mzxid: record.mzxid.readBigInt64BE(),
    pzxid: record.pzxid.readBigInt64BE(),
    mtimeMs: Number(record.mtime.readBigInt64BE()),
    version: record.version,
    ephemeralOwner: record.ephemeralOwner.readBigInt64BE(),
    dataLength: record.dataLength,
    numChildren: record.numChildren,
  };
}

export interface ReplyHeader {
  readonly xid: number;
  readonly zxid: bigint;
  readonly status: number;
  readonly body: Buffer;
}

const REPLY_HEADER_BYTES = 16;

export function decodeReplyHeader(frame: Buffer): ReplyHeader {
  return {
    xid: frame.readInt32BE(0),
    zxid: frame.readBigInt64BE(4),
    status: frame.readInt32BE(12),
    body: frame.subarray(REPLY_HEADER_BYTES),
  };
}

/** Watch event types (`Watcher.Event.EventType`). Later servers may add some; they are hints like the others. */
export type WatchEventType = 'created' | 'deleted' | 'data-changed' | 'children-changed' | 'other';

export interface WatchEvent {
  readonly type: WatchEventType;
  /** Complete, chroot included; empty for an event about no node. */
  readonly path: string;
}

const EVENT_TYPES: Readonly<Record<number, WatchEventType>> = {
  1: 'created',
  2: 'deleted',
  3: 'data-changed',
  4: 'children-changed',
};

export function decodeWatchEvent(body: Buffer): WatchEvent {
  const event = new jute.protocol.WatcherEvent();
  event.deserialize(body, 0);
  return { type: EVENT_TYPES[event.type] ?? 'other', path: event.path ?? '' };
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
