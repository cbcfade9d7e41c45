import jute, { type JuteRecord } from 'node-zookeeper-client/lib/jute/index.js';

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

/** `addWatch` modes. */
const PERSISTENT_RECURSIVE = 1;

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
  return request('getACL', path, OP.getACL, [new jute.protocol.GetACLRequest(path)]);
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
  return statAt(body, 0);
}

/** The data is a view into `body`. */
export function decodeData(body: Buffer): NodeData {
  return dataAt(body, 0).node;
}

export function decodeAcl(body: Buffer): NodeAcl {
  const response = new jute.protocol.GetACLResponse();
  const bytes = response.deserialize(body, 0);
  const acl = (response.acl ?? []).map(({ perms, id }) => ({
    scheme: id.scheme ?? '',
    id: id.id ?? '',
    permissions: perms,
  }));
  return { acl, stat: statAt(body, bytes - STAT_BYTES) };
}

export function decodeChildren(body: Buffer): NodeChildren {
  const { node: names, bytes } = namesAt(body, 0);
  return { names, stat: statAt(body, bytes) };
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

/** The data are views into `body`. */
export function decodeMultiReadData(body: Buffer): MultiReadAnswer<NodeData>[] {
  return decodeMultiRead(body, OP.getData, (offset) => dataAt(body, offset));
}

export function decodeMultiReadChildren(body: Buffer): MultiReadAnswer<readonly string[]>[] {
  return decodeMultiRead(body, OP.getChildren, (offset) => namesAt(body, offset));
}

function decodeMultiRead<T>(
  body: Buffer,
  wanted: number,
  decode: (offset: number) => Decoded<T>,
): MultiReadAnswer<T>[] {
  const answers: MultiReadAnswer<T>[] = [];
  walkMulti(body, (type, offset) => {
    if (type === OP.error) {
      answers.push({ kind: 'error', status: body.readInt32BE(offset) });
      return STATUS_BYTES;
    }
    if (type !== wanted) throw new RangeError(`a result of type ${type} in the reply to a multiRead`);
    const { node, bytes } = decode(offset);
    answers.push({ kind: 'node', node });
    return bytes;
  });
  return answers;
}

/**
 * Goes through the results, each behind a `MultiHeader` (`int type; boolean done; int err`).
 * @param decode takes one result at `offset`, and tells how many bytes it had
 */
function walkMulti(body: Buffer, decode: (type: number, offset: number) => number): void {
  for (let offset = 0; ;) {
    const type = body.readInt32BE(offset);
    const isDone = body.readUInt8(offset + 4) === 1;
    if (isDone) return;
    offset += MULTI_HEADER_BYTES;
    offset += decode(type, offset);
  }
}

function decodeMultiResult(
  type: number,
  body: Buffer,
  offset: number,
): { result: MultiResult; bytes: number } {
  switch (type) {
    case OP.create:
      return { result: { kind: 'done', stat: undefined }, bytes: bufferAt(body, offset).bytes };
    case OP.setData:
      return { result: { kind: 'done', stat: statAt(body, offset) }, bytes: STAT_BYTES };
    case OP.delete:
      return { result: { kind: 'done', stat: undefined }, bytes: 0 };
    case OP.error:
      return { result: { kind: 'error', status: body.readInt32BE(offset) }, bytes: STATUS_BYTES };
    default:
      throw new RangeError(`a result of type ${type} in the reply to a multi`);
  }
}

/**
 * What replies are made of is decoded here: the package makes two buffers of every number of 64 bits, a dozen for each
 * node, which took a third of a walk over many of them.
 */
interface Decoded<T> {
  readonly node: T;
  readonly bytes: number;
}

/** `buffer data; Stat stat`. */
function dataAt(body: Buffer, at: number): Decoded<NodeData> {
  const { node: data, bytes } = bufferAt(body, at);
  return { node: { data, stat: statAt(body, at + bytes) }, bytes: bytes + STAT_BYTES };
}

/** `vector<ustring>`. */
function namesAt(body: Buffer, at: number): Decoded<readonly string[]> {
  const names: string[] = [];
  let bytes = 4;
  for (let left = body.readInt32BE(at); left > 0; left--) {
    const name = bufferAt(body, at + bytes);
    names.push(name.node.toString());
    bytes += name.bytes;
  }
  return { node: names, bytes };
}

/** A `buffer` or `ustring`: a length, -1 for none, and so many bytes. */
function bufferAt(body: Buffer, at: number): Decoded<Buffer> {
  const start = at + 4;
  const length = Math.max(0, body.readInt32BE(at));
  if (start + length > body.length) throw new RangeError(`${length} bytes are more than the reply has`);
  return { node: body.subarray(start, start + length), bytes: 4 + length };
}

/**
 * `long czxid, mzxid, ctime, mtime; int version, cversion, aversion; long ephemeralOwner; int dataLength, numChildren;
 * long pzxid`.
 */
function statAt(body: Buffer, at: number): Stat {
  return {
    czxid: body.readBigInt64BE(at),
    mzxid: body.readBigInt64BE(at + 8),
    mtimeMs: Number(body.readBigInt64BE(at + 24)),
    version: body.readInt32BE(at + 32),
    ephemeralOwner: body.readBigInt64BE(at + 44),
    dataLength: body.readInt32BE(at + 52),
    numChildren: body.readInt32BE(at + 56),
    pzxid: body.readBigInt64BE(at + 60),
  };
}

const STAT_BYTES = 68;
const STATUS_BYTES = 4;
const MULTI_HEADER_BYTES = 9;

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
