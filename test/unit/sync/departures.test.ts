import { describe, expect, it } from 'vitest';
import { bytes, SimulatedWorld } from '../../kit/simulation/simulated-world.js';

const REMOVE_AFTER_MS = 10_000;
const departures = {
  removeAfterMs: REMOVE_AFTER_MS,
  minHealthyPercent: 50,
  groupOf: (key: string) => key.slice(0, key.indexOf('/') + 1),
};

/** Services with so many instances each, all registered by sessions of their own, and copied. */
async function worldWith(services: Readonly<Record<string, number>>): Promise<SimulatedWorld> {
  const world = new SimulatedWorld({ context: { departures } });
  for (const [service, count] of Object.entries(services)) {
    for (let at = 0; at < count; at++) register(world, `${service}/${at}`);
  }
  await world.start();
  await world.inSync();
  return world;
}

const register = (world: SimulatedWorld, key: string): void =>
  world.treeClient.putEphemeral(key, bytes(key), `of ${key}`);

const leave = (world: SimulatedWorld, key: string): void => world.tree.closeSession(`of ${key}`);

describe('copies whose originals are gone', () => {
  it('stay until that has lasted, and go then', async () => {
    const world = await worldWith({ web: 3 });
    leave(world, 'web/0');
    await world.clock.advance(REMOVE_AFTER_MS - 1_000);
    expect(world.flatEntries().has('web/0')).toBe(true);
    await world.clock.advance(REMOVE_AFTER_MS);
    expect(world.flatEntries().has('web/0')).toBe(false);
    await world.inSync();
    await world.stop();
  });

  it('stay when the original comes back in time, however often it goes', async () => {
    const world = await worldWith({ web: 3 });
    for (let round = 0; round < 5; round++) {
      leave(world, 'web/0');
      await world.clock.advance(REMOVE_AFTER_MS / 2);
      register(world, 'web/0');
      await world.clock.advance(REMOVE_AFTER_MS / 2 + 1_000);
      expect(world.flatEntries().has('web/0')).toBe(true);
    }
    await world.inSync();
    await world.stop();
  });

  it('are held where their group would keep too few, and nothing else is', async () => {
    const world = await worldWith({ web: 4, other: 4 });
    for (const at of [0, 1, 2]) leave(world, `web/${at}`);
    leave(world, 'other/0');
    register(world, 'new/0');
    await world.clock.advance(3 * REMOVE_AFTER_MS);
    expect([...world.flatEntries().keys()].filter((key) => key.startsWith('web/'))).toHaveLength(4);
    expect(world.flatEntries().has('other/0')).toBe(false);
    expect(world.flatEntries().has('new/0')).toBe(true);
    expect(world.daemon.sync.holds).toMatchObject([
      { reason: 'mass-deletion', detail: expect.stringContaining('3 of 4 copies of "web/"') as string },
    ]);
    await world.stop();
  });

  it('go when a person approves', async () => {
    const world = await worldWith({ web: 4 });
    for (const at of [0, 1, 2, 3]) leave(world, `web/${at}`);
    await world.clock.advance(3 * REMOVE_AFTER_MS);
    expect(world.flatEntries().size).toBe(4);
    const approved = world.daemon.operator.approve();
    await world.clock.advance(2 * REMOVE_AFTER_MS);
    await approved;
    expect(world.flatEntries().size).toBe(0);
    await world.inSync();
    expect(world.daemon.sync.holds).toEqual([]);
    await world.stop();
  });

  it('are let go of when their originals come back', async () => {
    const world = await worldWith({ web: 4 });
    for (const at of [0, 1, 2, 3]) leave(world, `web/${at}`);
    await world.clock.advance(3 * REMOVE_AFTER_MS);
    expect(world.daemon.sync.holds).toHaveLength(1);
    for (const at of [0, 1, 2, 3]) register(world, `web/${at}`);
    await world.clock.advance(REMOVE_AFTER_MS);
    await world.inSync();
    expect(world.daemon.sync.holds).toEqual([]);
    expect(world.flatEntries().size).toBe(4);
    await world.stop();
  });

  it('count no more once they have come back: one that is alone may go again and again', async () => {
    const world = await worldWith({ web: 1 });
    for (let round = 0; round < 3; round++) {
      leave(world, 'web/0');
      await world.clock.advance(2 * REMOVE_AFTER_MS);
      expect(world.flatEntries().has('web/0'), `round ${round}`).toBe(false);
      register(world, 'web/0');
      await world.clock.advance(1_000);
      expect(world.flatEntries().has('web/0'), `round ${round}`).toBe(true);
    }
    expect(world.daemon.sync.holds).toEqual([]);
    await world.stop();
  });

  it('go when it is time, together with others of about then, and are not asked for all the while', async () => {
    const world = await worldWith({ web: 3 });
    await world.clock.advance(60_000);
    let reads = 0;
    world.daemon.links.left.faults = { beforeRead: (request) => void (reads += request === 'read' ? 1 : 0) };
    leave(world, 'web/0');
    await world.clock.advance(REMOVE_AFTER_MS - 100);
    expect(reads).toBeLessThan(5);
    expect(world.flatEntries().has('web/0')).toBe(true);
    await world.clock.advance(2_200);
    expect(world.flatEntries().has('web/0')).toBe(false);
    await world.stop();
  });

  it('are all held where most of a long list would go, though each is alone in its group', async () => {
    const names = Array.from({ length: 12 }, (_, at) => `service-${at}`);
    const world = await worldWith(Object.fromEntries(names.map((name) => [name, 1])));
    for (const name of names.slice(0, 7)) leave(world, `${name}/0`);
    await world.clock.advance(3 * REMOVE_AFTER_MS);
    expect(world.flatEntries().size).toBe(12);
    expect(world.daemon.sync.holds).toMatchObject([
      { reason: 'mass-deletion', detail: expect.stringContaining('7 of 12 copies of all groups') as string },
    ]);
    // With two that came back, enough would stay: the next verification lets the others go.
    for (const name of names.slice(0, 2)) register(world, `${name}/0`);
    await world.clock.advance(15 * 60_000);
    expect(world.flatEntries().size).toBe(7);
    expect(world.daemon.sync.holds).toEqual([]);
    await world.stop();
  });

  it('may go from a short list, and a few from a long one', async () => {
    const world = await worldWith({ a: 1, b: 1, c: 1 });
    for (const name of 'abc') leave(world, `${name}/0`);
    await world.clock.advance(3 * REMOVE_AFTER_MS);
    expect(world.flatEntries().size).toBe(0);
    await world.stop();
  });

  it('count as gone at once when they go one after the other', async () => {
    const world = await worldWith({ web: 4 });
    for (const at of [0, 1, 2]) {
      leave(world, `web/${at}`);
      await world.clock.advance(5_000);
    }
    await world.clock.advance(2 * REMOVE_AFTER_MS);
    expect(world.flatEntries().size).toBe(2);
    expect(world.daemon.sync.holds).toHaveLength(1);
    await world.stop();
  });
});

describe('the minute within which copies go together', () => {
  const ENDS = {
    stop: (world: SimulatedWorld) => world.stop(),
    'kill -9': (world: SimulatedWorld) => world.crash(),
  };

  it.each(Object.entries(ENDS))('S7: is not over with %s', async (_name, end) => {
    const world = await worldWith({ web: 4 });
    for (const at of [0, 1]) leave(world, `web/${at}`);
    await world.clock.advance(2 * REMOVE_AFTER_MS);
    expect(world.flatEntries().size).toBe(2);
    await end(world);
    leave(world, 'web/2');
    // The time without a daemon does not count.
    await world.clock.advance(10 * 60_000);
    await world.start();
    await world.clock.advance(2 * REMOVE_AFTER_MS);
    expect(world.daemon.sync.holds).toMatchObject([
      { reason: 'mass-deletion', detail: expect.stringContaining('1 of 2 copies of "web/"') as string },
    ]);
    expect(world.flatEntries().size).toBe(2);
    await world.stop();
  });

  it('is over after a minute of a daemon’s work, also over restarts', async () => {
    const world = await worldWith({ web: 4 });
    for (const at of [0, 1]) leave(world, `web/${at}`);
    await world.clock.advance(2 * REMOVE_AFTER_MS);
    await world.stop();
    await world.start();
    await world.inSync();
    await world.clock.advance(90_000);
    leave(world, 'web/2');
    await world.clock.advance(2 * REMOVE_AFTER_MS);
    expect(world.daemon.sync.holds).toEqual([]);
    expect(world.flatEntries().size).toBe(1);
    await world.stop();
  });
});

describe('a parent outside the scope that is about to be removed', () => {
  it('keeps nothing out of step when it gets a child again', async () => {
    for (let pauseMs = 0; pauseMs < 60; pauseMs += 2) {
      const scope = { id: 'deep', includes: (key: string): boolean => key.startsWith('a/') };
      const world = new SimulatedWorld({
        context: { scope },
        travelMs: { min: 0, max: 5 },
        seed: pauseMs + 1,
      });
      world.flatClient.put('a/b', bytes('x'));
      world.flatClient.put('elsewhere', bytes('x'));
      await world.start();
      await world.inSync();
      world.flatClient.lock('a/b', bytes('x'), 'session');
      await world.clock.advance(1_000);
      world.flatClient.remove('a/b');
      await world.clock.advance(pauseMs);
      world.flatClient.put('a/b', bytes('y'));
      await world.clock.advance(5_000);
      await world.inSync();
      expect(world.treeEntries().get('a/b'), `after ${pauseMs} ms`).toBe('y');
      await world.stop();
    }
  });
});
