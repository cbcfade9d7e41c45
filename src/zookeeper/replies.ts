import jute from 'node-zookeeper-client/lib/jute/index.js';
import {
  type MultiReadAnswer,
  type MultiResult,
  type NodeAcl,
  type NodeChildren,
  type NodeData,
  OP,
  type ReplyHeader,
  type Stat,
  type WatchEvent,
  type WatchEventType,
} from './protocol.js';

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

const REPLY_HEADER_BYTES = 16;

export function decodeReplyHeader(frame: Buffer): ReplyHeader {
  return {
    xid: frame.readInt32BE(0),
    zxid: frame.readBigInt64BE(4),
    status: frame.readInt32BE(12),
    body: frame.subarray(REPLY_HEADER_BYTES),
  };
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
