import { encodeKey } from '../core/key-codec.js';
import type { EntryKey } from '../core/observation.js';
import type { ReplicaLimits } from '../ports/replica.js';
import type { MappingPaths } from './mapping-paths.js';
import { type AclEntry } from './protocol.js';
import { multiOperationBytes } from './requests.js';

/** The server has no limit of operations; this keeps one batch from holding up others' requests. */
const OPERATIONS_MAX = 256;
/**
 * A server keeps its last 500 transactions in memory (`zookeeper.commitLogCount`), so that batches as large as its
 * packets would take 500 MB of it. This takes any value that Consul can have, with a ledger beside it.
 */
const BATCH_BYTES_MAX = 640 * 1024;
/** Of the packet, left for the key, the ledger and the headers beside the largest value. */
const PACKET_RESERVE_BYTES = 48 * 1024;
/** A key that takes more, with its parents, would starve the batches that it is in. */
const KEY_BYTES_MAX = 16 * 1024;

/** What a ZooKeeper server takes, for the entries of one mapping. */
export function writeLimits(
  paths: MappingPaths,
  acl: readonly AclEntry[],
  packetBytesMax: number,
  /** Whether nodes may have to be made anew in place of an update: each is deleted, too, then. */
  replaces = false,
): ReplicaLimits {
  const createOverheadBytes = multiOperationBytes({ kind: 'create', path: '', data: new Uint8Array(), acl });
  const deleteBytes = (path: string): number =>
    replaces ? multiOperationBytes({ kind: 'delete', path, version: 0 }) : 0;
  const prefixBytes = Buffer.byteLength(paths.prefix);
  /** A create is the largest operation, and may have to make all the parents below the mapping's root. */
  const keyBytes = (key: EntryKey) => {
    let bytes = 0;
    let pathBytes = prefixBytes - 1;
    for (const segment of encodeKey(key).split('/')) {
      pathBytes += 1 + Buffer.byteLength(segment);
      bytes += createOverheadBytes + pathBytes;
    }
    return bytes;
  };
  return {
    batchOperationsMax: OPERATIONS_MAX,
    batchBytesMax: Math.min(BATCH_BYTES_MAX, packetBytesMax - PACKET_RESERVE_BYTES),
    valueBytesMax: packetBytesMax - PACKET_RESERVE_BYTES,
    operationBytes: (key, valueBytes) => keyBytes(key) + deleteBytes(paths.pathOf(key)) + valueBytes,
    unmappable: (key) => {
      const path = paths.pathOf(key);
      if (paths.isExcluded(path)) return `${path} is reserved`;
      if (keyBytes(key) <= KEY_BYTES_MAX) return undefined;
      return `its path takes more than ${KEY_BYTES_MAX} bytes, those of its parents included`;
    },
  };
}
