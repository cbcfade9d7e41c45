import { expect, it } from 'vitest';
import { SimulatedFleet } from '../../kit/simulation/simulated-fleet.js';
import { bytes } from '../../kit/simulation/simulated-world.js';

it('a daemon that takes over in the midst of a mass deletion waits for a walk, and not for those of when it stood by', async () => {
  const daemons = new SimulatedFleet(2, { travelMs: { min: 1, max: 5 }, tells: 'views' });
  const { world } = daemons;
  const keys = Array.from({ length: 1_000 }, (_, number) => `${number % 10}/${number}`);
  for (const key of keys) world.flatClient.put(key, bytes('x'));
  await daemons.startAll();
  await daemons.inSync();
  const active = await daemons.led();
  const [standby] = daemons.members.filter((member) => member !== active);
  if (standby === undefined) throw new Error('nobody stands by');
  // Both sides are walked every hour, to verify.
  await world.clock.advance(6 * 3_600_000);
  await daemons.inSync();
  daemons.kill(active);
  let lateByMs = 0;
  standby.running.links.right.faults.distortsHint = () => ({ delayedByMs: (lateByMs += 1_900) });
  for (const key of keys) world.flatClient.remove(key);
  await world.clock.advance(30_000);
  expect(standby.isActive).toBe(true);
  expect(standby.running.sync.holds.map(({ reason }) => reason)).toEqual(['mass-deletion']);
  expect(world.treeEntries().size).toBe(1_000);
  await daemons.dispose();
}, 60_000);
