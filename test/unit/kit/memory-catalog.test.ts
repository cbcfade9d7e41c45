import { setTimeout as delay } from 'node:timers/promises';
import { ConsulClient } from '../../../src/consul/consul-client.js';
import type { Clock } from '../../../src/ports/clock.js';
import { answerOf } from '../../kit/memory-consul/consul-http.js';
import { LinkedTransport } from '../../kit/memory-consul/linked-transport.js';
import { MemoryCatalog } from '../../kit/memory-consul/memory-catalog.js';
import { contentDigest } from '../../kit/memory-store/content-digest.js';
import { Link } from '../../kit/memory-store/link.js';
import { MemoryTree } from '../../kit/memory-store/memory-tree.js';
import { MemoryTreeReplica } from '../../kit/memory-store/memory-tree-replica.js';
import { SeededRandom } from '../../kit/memory-store/seeded-random.js';
import { SimClock } from '../../kit/memory-store/sim-clock.js';
import { TreeClient } from '../../kit/memory-store/tree-client.js';
import { CONTRACT_OF_SOME_NAMES, replicaContract } from '../../kit/replica-contract.js';
import { catalogFactsContract } from '../../kit/services/catalog-facts-contract.js';
import { catalogSubject } from '../../kit/services/catalog-subject.js';
import { registrationsSubject } from '../../kit/services/registrations-subject.js';
import type { RawRequests } from '../../servers/consul/catalog-fixture.js';

const HASTE = 20;
/** What the watch waits for passes twenty times as fast. */
const HASTY_CLOCK: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now() * HASTE,
  sleep: (ms, signal) => delay(ms / HASTE, undefined, { signal }).catch(() => undefined),
};

function rawOf(catalog: MemoryCatalog): RawRequests {
  return {
    request: async (method, path, body) => {
      const server = { catalog, tables: catalog.tables, by: 'client', denies: () => false };
      const { status, body: answer } = answerOf(server, {
        method,
        path,
        ...(body !== undefined && { body }),
      });
      return { status, text: answer.toString() };
    },
  };
}

replicaContract('a catalog in memory', () => {
  const catalog = new MemoryCatalog();
  const link = new Link({ storeName: 'catalog', clock: HASTY_CLOCK, random: new SeededRandom(1) });
  const transport = new LinkedTransport({ catalog, link, clock: HASTY_CLOCK, writer: 'daemon' });
  const client = new ConsulClient({ address: new URL('http://memory'), transport });
  return catalogSubject(client, rawOf(catalog), { clock: HASTY_CLOCK });
});

const catalog = new MemoryCatalog();
catalogFactsContract('in memory', () => rawOf(catalog));

replicaContract(
  'registrations in a tree in memory',
  async () => {
    const clock = new SimClock();
    const tree = new MemoryTree(clock);
    const link = new Link({ storeName: 'tree', clock, random: new SeededRandom(1) });
    const ledgerPlace = 'test/apps';
    const nodes = new MemoryTreeReplica({
      tree,
      link,
      root: '/services',
      ledgerPlace,
      digest: contentDigest,
    });
    const client = new TreeClient(tree, '/services');
    return registrationsSubject({
      nodes,
      ledgerPlace,
      user: {
        put: async (key, value) => client.put(key, value),
        putTogether: async (entries) => client.putTogether(entries),
        remove: async (key) => client.remove(key),
        get: async (key) => client.get(key),
      },
      dispose: () => Promise.resolve(),
    });
  },
  CONTRACT_OF_SOME_NAMES,
);
