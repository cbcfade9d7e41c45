import { expect, it } from 'vitest';
import { mappingStatus } from '../../../src/sync/mapping-status.js';
import { bytes, SimulatedWorld } from '../../kit/simulation/simulated-world.js';

it('lists keys that are too long for the archive, and keeps the others in sync (L2)', async () => {
  const world = new SimulatedWorld();
  const long = 'k'.repeat(2_001);
  world.treeClient.put(long, bytes('too long'));
  world.treeClient.put('short', bytes('fits'));
  await world.start();
  await world.inSync();
  expect([...world.flatEntries().keys()]).toEqual(['short']);
  const status = mappingStatus(world.daemon.sync, true);
  expect(status).toMatchObject({
    inSync: true,
    skippedTotal: 1,
    skipped: [{ key: long, reason: 'illegal-key' }],
  });
  await world.stop();
});
