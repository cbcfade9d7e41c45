import { Link } from '../../kit/memory-store/link.js';
import { MemoryElection } from '../../kit/memory-store/memory-election.js';
import { MemoryTree } from '../../kit/memory-store/memory-tree.js';
import { SeededRandom } from '../../kit/memory-store/seeded-random.js';
import { SimClock } from '../../kit/memory-store/sim-clock.js';
import { electionContract } from '../../kit/election-contract.js';

electionContract('a tree in memory', async () => {
  const clock = new SimClock();
  const tree = new MemoryTree(clock);
  const member = (id: string): MemoryElection => {
    const link = new Link({ storeName: 'tree', clock, random: new SeededRandom(1) });
    const self = { id, host: 'host', admin: undefined };
    return new MemoryElection({ tree, link, instance: 'default', self, sessionTimeoutMs: 10_000 });
  };
  const elections = [member('a'), member('b'), member('c')] as const;
  return {
    elections,
    expire: async (election) => elections.find((one) => one === election)?.expire(),
    dispose: async () => undefined,
  };
});
