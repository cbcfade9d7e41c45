import { describe, expect, it } from 'vitest';
import type { ObservedState } from '../../../src/ports/observed.js';
import { reconcile } from '../../../src/core/reconcile.js';
import { ObservedWrites } from '../../../src/sync/observed-writes.js';
import { SimClock } from '../../kit/memory-store/sim-clock.js';
import { bytes, SimulatedWorld } from '../../kit/simulation/simulated-world.js';
import { POLICY, present, situation } from '../core/situations.js';

const HOUR_MS = 3_600_000;

/** A mapping that only observes, while clients of both sides go on. */
class Shadow {
  readonly world = new SimulatedWorld({ context: { mode: 'observe' } });
  readonly tree = this.world.treeClient;
  readonly flat = this.world.flatClient;
  observed = new ObservedWrites(this.world.clock, undefined, undefined);

  async start(policy: { readonly source?: 'left' | 'right' } = {}, before?: ObservedState): Promise<void> {
    this.observed = new ObservedWrites(this.world.clock, policy.source, before);
    await this.world.start({ policy, context: { observed: this.observed } });
    await this.pass();
  }

  /** Long enough for several verifications. */
  async pass(ms = HOUR_MS): Promise<void> {
    await this.world.clock.advance(ms);
  }

  async restart(meanwhile: () => void = () => undefined): Promise<void> {
    await this.world.stop();
    meanwhile();
    await this.start({}, this.observed.state);
  }

  /** Since it was asked last, in the order in which it happened. */
  news(): string[] {
    const { latest } = this.observed.state;
    const news = latest.slice(0, latest.length - this.told).reverse();
    this.told = latest.length;
    return news.map(({ action, on, key }) => `${action} ${key} ${on ?? 'nowhere'}`);
  }
  private told = 0;
}

describe('what a mapping that only observes would have written', () => {
  it('counts each change of a client once, however often the entry is looked at', async () => {
    const shadow = new Shadow();
    shadow.tree.put('a', bytes('1'));
    shadow.flat.put('b', bytes('1'));
    await shadow.start();
    expect(shadow.news().sort()).toEqual(['create a right', 'create b left']);
    await shadow.pass(24 * HOUR_MS);
    shadow.tree.put('a', bytes('2'));
    await shadow.pass();
    shadow.tree.put('a', bytes('3'));
    await shadow.pass();
    shadow.tree.remove('a');
    await shadow.pass();
    shadow.tree.put('a', bytes('4'));
    await shadow.pass();
    expect(shadow.news()).toEqual(['update a right', 'update a right', 'delete a right', 'create a right']);
    expect([...shadow.world.flatEntries()]).toEqual([['b', '1']]);
    expect(shadow.observed.state).toMatchObject({
      totals: {
        create: { left: 1, right: 2 },
        update: { left: 0, right: 2 },
        delete: { left: 0, right: 1 },
        conflict: { left: 0, right: 0 },
        undecided: 0,
      },
      days: [
        { day: '2030-01-02', create: { left: 0, right: 1 } },
        { day: '2030-01-01', create: { left: 1, right: 1 } },
      ],
    });
    await shadow.world.stop();
  });

  it('counts deletions of what both sides had, and conflicts, but no change that follows one as another', async () => {
    const shadow = new Shadow();
    for (const key of ['a', 'b']) {
      shadow.tree.put(key, bytes('1'));
      shadow.flat.put(key, bytes('1'));
    }
    await shadow.start();
    expect(shadow.news()).toEqual([]);
    shadow.flat.remove('a');
    await shadow.pass();
    expect(shadow.news()).toEqual(['delete a left']);
    shadow.world.daemon.links.left.disconnect();
    shadow.tree.put('b', bytes('of the tree'));
    shadow.flat.put('b', bytes('of the flat store'));
    await shadow.pass();
    shadow.world.daemon.links.left.reconnect();
    await shadow.pass();
    expect(shadow.news()).toEqual([expect.stringMatching(/^conflict b /) as string]);
    shadow.flat.put('b', bytes('again'));
    await shadow.pass();
    expect(shadow.news()).toEqual(['update b left']);
    await shadow.world.stop();
  });

  it('goes on after a restart where it was, with what has changed meanwhile', async () => {
    const shadow = new Shadow();
    shadow.tree.put('a', bytes('1'));
    shadow.tree.put('b', bytes('1'));
    await shadow.start();
    shadow.tree.put('a', bytes('2'));
    await shadow.pass();
    shadow.news();
    const { sinceMs } = shadow.observed.state;
    await shadow.restart(() => shadow.tree.put('b', bytes('changed meanwhile')));
    expect(shadow.news()).toEqual([expect.stringMatching(/ b right$/) as string]);
    shadow.tree.put('a', bytes('3'));
    await shadow.pass();
    expect(shadow.news()).toEqual(['update a right']);
    expect(shadow.observed.state.sinceMs).toBe(sinceMs);
    await shadow.world.stop();
  });

  it('counts nothing where the other program does it itself, nor drift on the target of a one-way mapping', async () => {
    const shadow = new Shadow();
    await shadow.start({ source: 'left' });
    shadow.tree.put('a', bytes('1'));
    await shadow.pass();
    shadow.flat.put('a', bytes('1'));
    await shadow.pass();
    shadow.tree.put('b', bytes('1'));
    await shadow.pass();
    expect(shadow.news()).toEqual(['create a right', 'create b right']);
    shadow.flat.put('b', bytes('drift'));
    shadow.flat.put('c', bytes('drift'));
    await shadow.pass();
    expect(shadow.news()).toEqual([]);
    await shadow.world.stop();
  });

  it('S9: keeps the latest hundred writes, and a month of days', async () => {
    const clock = new SimClock();
    const observed = new ObservedWrites(clock, undefined, undefined);
    for (let day = 0; day < 35; day++) {
      for (let i = 0; i < 5; i++) {
        const one = { ...situation({ left: present('1', day) }), key: `day${day}/${i}` };
        observed.note([{ situation: one, decision: reconcile(one, POLICY) }]);
      }
      await clock.advance(24 * HOUR_MS);
    }
    const { latest, days, totals } = observed.state;
    expect(latest.length).toBe(100);
    expect(latest[0]?.key).toBe('day34/4');
    expect(days.length).toBe(31);
    expect(days[0]).toMatchObject({ day: '2030-02-04', create: { left: 0, right: 5 } });
    expect(totals.create.right).toBe(175);
  });
});
