import type { Digest, PresentReading } from '../core/observation.js';
import type { Version } from '../core/version.js';
import type { StoreStamp } from '../core/write-interval.js';
import { ownerSession, type NodeData, type Stat } from './protocol.js';

/** ZooKeeper's name for what the core calls a version. */
export function versionOf(stat: Stat): Version {
  return { modified: stat.mzxid, created: stat.czxid, revision: stat.version };
}

/** When the leader of that time says the node was written. A leader's reign is the upper half of its zxids. */
export function stampOf(stat: Stat): StoreStamp {
  return { atMs: stat.mtimeMs, epoch: stat.mzxid >> 32n };
}

/** What was read of a node, as the core sees it. */
export function presentReading(node: NodeData, digest: (value: Uint8Array) => Digest): PresentReading {
  const { data, stat } = node;
  // A copy: it may be kept for longer than the reply that it came in, with all that others had in it.
  const value = new Uint8Array(data);
  return {
    kind: 'present',
    version: versionOf(stat),
    value,
    digest: digest(value),
    flags: 0n,
    children: stat.numChildren,
    session: ownerSession(stat),
    stamp: stampOf(stat),
  };
}
