import jute, { type JuteRecord } from 'node-zookeeper-client/lib/jute/index.js';
import { type MultiOperation, OP, type OperationName, type WireRequest } from './protocol.js';

/** `addWatch` modes. */
const PERSISTENT_RECURSIVE = 1;

/** Flags of a create (`CreateMode`). */
const CREATE_FLAGS = { persistent: 0, ephemeral: 1, 'ephemeral-sequential': 3 } as const;
const LENGTH_AND_HEADER_BYTES = 12;
const MULTI_HEADER_BYTES = 9;

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

/**
 * Reads the data, or the children's names, of many nodes (op 22), each with an error of its own. A path and a flag for
 * each, `ustring path; bool watch`, behind its `MultiHeader`; written in place, since a walk is made of these requests, and
 * the package's records took longer than the answers.
 */
export function multiReadRequest(what: 'getData' | 'getChildren', paths: readonly string[]): WireRequest {
  const pathsBytes = paths.reduce((sum, path) => sum + Buffer.byteLength(path), 0);
  const bodyBytes = paths.length * (MULTI_HEADER_BYTES + 4 + 1) + pathsBytes + MULTI_HEADER_BYTES;
  const frame = emptyFrame(OP.multiRead, bodyBytes);
  let at = LENGTH_AND_HEADER_BYTES;
  for (const path of paths) {
    at = writeMultiHeader(frame, at, OP[what], false);
    const length = frame.write(path, at + 4);
    at = frame.writeInt32BE(length, at) + length;
    at = frame.writeUInt8(0, at);
  }
  writeMultiHeader(frame, at, -1, true);
  return { operation: 'multiRead', path: paths[0] ?? '/', frame };
}

/** `int type; boolean done; int err`. */
function writeMultiHeader(frame: Buffer, at: number, type: number, isDone: boolean): number {
  frame.writeInt32BE(type, at);
  frame.writeUInt8(isDone ? 1 : 0, at + 4);
  return frame.writeInt32BE(-1, at + 5);
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
      const flags = CREATE_FLAGS[operation.mode ?? 'persistent'];
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
  const frame = emptyFrame(type, bodyBytes);
  let offset = LENGTH_AND_HEADER_BYTES;
  for (const record of records) offset += record.serialize(frame, offset);
  return { operation, path, frame };
}

/** A request without its body, and with room for its xid. */
function emptyFrame(type: number, bodyBytes: number): Buffer {
  const frame = Buffer.alloc(LENGTH_AND_HEADER_BYTES + bodyBytes);
  frame.writeInt32BE(frame.length - 4, 0);
  frame.writeInt32BE(type, 8);
  return frame;
}

function asBuffer(data: Uint8Array): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}
