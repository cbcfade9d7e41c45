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
import type { ReplicaUnderTest } from '../../kit/replica-contract.js';
import { replicaContract } from '../../kit/replica-contract.js';

const ledgerPlace = 'default/config';

function linkTo(storeName: string, clock: SimClock): Link {
  return new Link({ storeName, clock, random: new SeededRandom(1) });
}

function treeSubject(root: string): ReplicaUnderTest {
  const clock = new SimClock();
  const tree = new MemoryTree(clock);
  const link = linkTo('tree', clock);
  const replica = new MemoryTreeReplica({ tree, link, root, ledgerPlace, digest: contentDigest });
  return underTest(replica, new TreeClient(tree, root));
}

function flatSubject(prefix: string): ReplicaUnderTest {
  const clock = new SimClock();
  const flat = new MemoryFlat(clock);
  const link = linkTo('flat', clock);
  const replica = new MemoryFlatReplica({ flat, link, prefix, ledgerPlace, digest: contentDigest });
  return underTest(replica, new FlatClient(flat, prefix));
}

function underTest(replica: ReplicaUnderTest['replica'], client: TreeClient | FlatClient): ReplicaUnderTest {
  return {
    replica,
    ledgerPlace,
    other: {
      put: async (key, value) => client.put(key, value),
      remove: async (key) => client.remove(key),
      get: async (key) => client.get(key),
    },
    dispose: async () => undefined,
  };
}

replicaContract('a tree in memory, mapped below /config', async () => treeSubject('/config'));
replicaContract('a tree in memory, mapped whole', async () => treeSubject('/'));
replicaContract('flat keys in memory, mapped below config/', async () => flatSubject('config/'));
replicaContract('flat keys in memory, mapped whole', async () => flatSubject(''));
