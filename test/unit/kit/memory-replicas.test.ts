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
import { permissionContract, storeContract } from '../../kit/store-contract.js';

const ledgerPlace = 'default/config';

interface Setting {
  readonly clock: SimClock;
  readonly link: Link;
}

function linked(storeName: string): Setting {
  const clock = new SimClock();
  return { clock, link: new Link({ storeName, clock, random: new SeededRandom(1) }) };
}

function treeSubject(root: string, watches: 'recursive' | 'one-shot') {
  const { clock, link } = linked('tree');
  const tree = new MemoryTree(clock);
  const replica = new MemoryTreeReplica({ tree, link, root, ledgerPlace, digest: contentDigest, watches });
  const client = new TreeClient(tree, root);
  return underTest(replica, link, client, {
    bind: (key, value) => client.putEphemeral(key, value, 'session'),
    end: () => tree.closeSession('session'),
    nameOf: (key) => client.pathOf(key),
  });
}

function flatSubject(prefix: string, behavior: 'release' | 'delete') {
  const { clock, link } = linked('flat');
  const flat = new MemoryFlat(clock);
  const replica = new MemoryFlatReplica({ flat, link, prefix, ledgerPlace, digest: contentDigest });
  const client = new FlatClient(flat, prefix);
  return underTest(replica, link, client, {
    bind: (key, value) => client.lock(key, value, 'session', behavior),
    end: () => flat.closeSession('session'),
    nameOf: (key) => prefix + key,
  });
}

function underTest(
  replica: ReplicaUnderTest['replica'],
  link: Link,
  client: TreeClient | FlatClient,
  store: {
    bind: (key: string, value: Uint8Array) => void;
    end: () => void;
    nameOf: (key: string) => string;
  },
) {
  return {
    replica,
    ledgerPlace,
    scanReadsValues: true,
    other: {
      put: async (key: string, value: Uint8Array) => client.put(key, value),
      putTogether: async (entries: ReadonlyMap<string, Uint8Array>) => client.putTogether(entries),
      bind: async (key: string, value: Uint8Array) => {
        store.bind(key, value);
        return async () => store.end();
      },
      remove: async (key: string) => client.remove(key),
      get: async (key: string) => client.get(key),
    },
    hide: async (key: string) => {
      link.faults = { denies: (access, name) => access === 'read' && name === store.nameOf(key) };
    },
    dispose: async () => undefined,
  };
}

const SUBJECTS = [
  ['a tree in memory, mapped below /config', async () => treeSubject('/config', 'recursive')],
  ['a tree in memory, mapped whole', async () => treeSubject('/', 'recursive')],
  ['a tree in memory with one-shot watches', async () => treeSubject('/config', 'one-shot')],
  ['flat keys in memory, mapped below config/', async () => flatSubject('config/', 'release')],
  ['flat keys in memory, mapped whole', async () => flatSubject('', 'delete')],
] as const;

for (const [name, setup] of SUBJECTS) {
  replicaContract(name, setup);
  storeContract(name, setup);
  permissionContract(name, setup);
}
