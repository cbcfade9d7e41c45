import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { RoundsBesideWalk } from '../../../src/sync/rounds-beside-walk.js';

/** Rounds that go on until they are told to end, and what happened so far. */
function roundsByHand() {
  const beside = new RoundsBesideWalk();
  const events: string[] = [];
  const ends = new Map<string, () => void>();
  const begin = (name: string): Promise<void> =>
    beside.begin(async () => {
      events.push(`${name} begins`);
      await new Promise<void>((resolve) => ends.set(name, resolve));
      events.push(`${name} ends`);
    });
  const end = async (name: string): Promise<void> => {
    await setImmediate();
    ends.get(name)?.();
    await setImmediate();
  };
  return { beside, events, begin, end };
}

describe('rounds beside a walk', () => {
  it('go on one after the other while the walk reads on (S3)', async () => {
    const { beside, begin, end, events } = roundsByHand();
    await begin('a');
    await begin('b');
    expect(beside.isBusy).toBe(true);
    await end('a');
    expect(events).toEqual(['a begins', 'a ends', 'b begins']);
    await end('b');
    await beside.settle();
    expect([beside.isBusy, events.at(-1)]).toEqual([false, 'b ends']);
  });

  it('keep the walk waiting as soon as two of them wait (S9)', async () => {
    const { begin, end } = roundsByHand();
    await begin('a');
    await begin('b');
    let hasRoom = false;
    const third = begin('c').then(() => {
      hasRoom = true;
    });
    await setImmediate();
    expect(hasRoom).toBe(false);
    await end('a');
    await third;
  });

  it('go on behind one that has failed, of which whoever waits for all of them hears', async () => {
    const { beside, begin, end, events } = roundsByHand();
    await beside.begin(() => Promise.reject(new Error('unreadable')));
    await begin('b');
    const settled = expect(beside.settle()).rejects.toThrow('unreadable');
    await end('b');
    await settled;
    expect(events.at(-1)).toBe('b ends');
    await expect(beside.settle()).resolves.toBeUndefined();
  });
});
