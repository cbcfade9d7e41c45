import type { Replica } from '../../../src/ports/replica.js';
import { contentDigest } from '../../kit/memory-store/content-digest.js';
import { FlatClient } from '../../kit/memory-store/flat-client.js';
import { Link } from '../../kit/memory-store/link.js';
import { MemoryFlat } from '../../kit/memory-store/memory-flat.js';
import { MemoryFlatReplica } from '../../kit/memory-store/memory-flat-replica.js';
import { MemoryTree } from '../../kit/memory-store/memory-tree.js';
import { MemoryTreeReplica } from '../../kit/memory-store/memory-tree-replica.js';
import { SeededRandom } from '../../kit/memory-store/seeded-random.js';
import { SimClock } from '../../kit/memory-store/sim-clock.js';
import { TreeClient } from '../../kit/memory-store/tree-client.js';

export const NEVER = new AbortController().signal;
export const REQUEST_TIMEOUT_MS = 1_000;

export interface Travel {
  readonly min: number;
  readonly max: number;
}

/** A replica in memory with small bounds, the way to it, and another program on the same entries. */
export interface Subject {
  readonly clock: SimClock;
  readonly link: Link;
  readonly replica: Replica;
  readonly client: {
    get: (key: string) => Uint8Array | undefined;
    put: (key: string, value: Uint8Array) => void;
  };
  readonly store: { wipe(): void };
}

const LEDGER_PLACE = 'default/config';
const BOUNDS = { pageEntries: 2, readBytesMax: 10 };

export function treeSubject(travelMs?: Travel): Subject & { client: TreeClient; store: MemoryTree } {
  const clock = new SimClock();
  const tree = new MemoryTree(clock);
  const link = newLink(clock, travelMs);
  const options = { tree, link, root: '/config', ledgerPlace: LEDGER_PLACE, digest: contentDigest };
  const replica = new MemoryTreeReplica({ ...options, bounds: BOUNDS });
  return { clock, link, replica, client: new TreeClient(tree, '/config'), store: tree };
}

export function flatSubject(travelMs?: Travel): Subject & { client: FlatClient; store: MemoryFlat } {
  const clock = new SimClock();
  const flat = new MemoryFlat(clock);
  const link = newLink(clock, travelMs);
  const options = { flat, link, prefix: 'config/', ledgerPlace: LEDGER_PLACE, digest: contentDigest };
  const replica = new MemoryFlatReplica({ ...options, bounds: BOUNDS });
  return { clock, link, replica, client: new FlatClient(flat, 'config/'), store: flat };
}

function newLink(clock: SimClock, travelMs: Travel | undefined): Link {
  const random = new SeededRandom(1);
  const options = { storeName: 'store', clock, random, requestTimeoutMs: REQUEST_TIMEOUT_MS };
  return new Link(travelMs === undefined ? options : { ...options, travelMs });
}

/** Watches, and writes down what it hears. */
export function listen({ replica }: Pick<Subject, 'replica'>): string[] {
  const heard: string[] = [];
  void replica.watch(
    {
      changed: (keys) => heard.push(`changed ${keys.join(', ')}`),
      stirred: () => heard.push('stirred'),
      saw: ({ within }) => heard.push(`saw ${within}`),
      rescan: (reason) => heard.push(`rescan ${reason}`),
      lost: (why) => heard.push(`lost: ${why}`),
    },
    NEVER,
  );
  return heard;
}
