import { describe, expect, it } from 'vitest';
import { LookTurns } from '../../../src/consul/look-turns.js';
import { SimClock } from '../../kit/memory-store/sim-clock.js';

const NEVER = new AbortController().signal;

/** Looks that are over when the test says so. */
class Looks {
  readonly started: string[] = [];
  readonly waited: string[] = [];
  private readonly ends = new Map<string, () => void>();

  look(name: string): (hasWaited: boolean) => Promise<string> {
    return (hasWaited) => {
      this.started.push(name);
      if (hasWaited) this.waited.push(name);
      return new Promise((resolve) => this.ends.set(name, () => resolve(name)));
    };
  }

  end(name: string): void {
    this.ends.get(name)?.();
  }
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
}

describe('looks into parts', () => {
  it('S9: are never more than four at once, and come in the order in which they were asked for', async () => {
    const clock = new SimClock();
    const turns = new LookTurns(clock).newLine();
    const looks = new Looks();
    const all = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => turns.take(looks.look(name), NEVER));
    await clock.settle();
    expect(looks.started).toEqual(['a', 'b', 'c', 'd']);
    looks.end('b');
    await settled();
    expect(looks.started).toEqual(['a', 'b', 'c', 'd', 'e']);
    ['a', 'c', 'd', 'e'].forEach((name) => looks.end(name));
    await settled();
    looks.end('f');
    expect(await Promise.all(all)).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
    expect(looks.waited).toEqual(['e', 'f']);
  });

  it('are begun no sooner than half of the time is left to others, together', async () => {
    const clock = new SimClock();
    const turns = new LookTurns(clock).newLine();
    const looks = new Looks();
    const all = ['a', 'b'].map((name) => turns.take(looks.look(name), NEVER));
    await clock.advance(30);
    ['a', 'b'].forEach((name) => looks.end(name));
    await Promise.all(all);
    const next = turns.take(looks.look('c'), NEVER);
    await clock.advance(29);
    expect(looks.started).toEqual(['a', 'b']);
    await clock.advance(1);
    expect(looks.started).toEqual(['a', 'b', 'c']);
    expect(looks.waited).toEqual(['c']);
    looks.end('c');
    expect(await next).toBe('c');
  });

  it('need no rest where they only waited for a store that is far away', async () => {
    const clock = new SimClock();
    let busyMs = 0;
    const turns = new LookTurns(clock, () => busyMs).newLine();
    const looks = new Looks();
    const first = turns.take(looks.look('a'), NEVER);
    await clock.advance(500);
    busyMs += 5;
    looks.end('a');
    await first;
    const second = turns.take(looks.look('b'), NEVER);
    await clock.advance(4);
    expect(looks.started).toEqual(['a']);
    await clock.advance(1);
    expect(looks.started).toEqual(['a', 'b']);
    looks.end('b');
    await second;
  });

  it('need no rest for what the process did while nobody looked', async () => {
    const clock = new SimClock();
    let busyMs = 0;
    const turns = new LookTurns(clock, () => busyMs).newLine();
    for (let time = 0; time < 2; time++) {
      busyMs += 3_600_000;
      expect(await turns.take((hasWaited) => Promise.resolve(hasWaited), NEVER)).toBe(false);
    }
  });

  it('L2: are those of all mappings in turn, however many one of them has', async () => {
    const all = new LookTurns(new SimClock());
    const [busy, calm] = [all.newLine(), all.newLine()];
    const looks = new Looks();
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    const theirs = names.map((name) => busy.take(looks.look(name), NEVER));
    const own = calm.take(looks.look('own'), NEVER);
    await settled();
    for (const name of [...names, 'own']) {
      looks.end(name);
      await settled();
    }
    for (const name of names) looks.end(name);
    await Promise.all([...theirs, own]);
    expect(looks.started).toEqual(['a', 'b', 'c', 'd', 'e', 'own', 'f', 'g']);
  });

  it('L2: do not wait for one that hangs', async () => {
    const clock = new SimClock();
    const turns = new LookTurns(clock).newLine();
    const looks = new Looks();
    void turns.take(looks.look('hangs'), NEVER);
    for (let time = 0; time < 10; time++) {
      const other = turns.take(looks.look(`other ${time}`), NEVER);
      await clock.advance(2_000);
      looks.end(`other ${time}`);
      await other;
    }
    expect(looks.started).toHaveLength(11);
  });

  it('L2: rest for a second at most, whatever they have cost', async () => {
    const clock = new SimClock();
    const turns = new LookTurns(clock).newLine();
    const looks = new Looks();
    const first = turns.take(looks.look('a'), NEVER);
    await clock.advance(60_000);
    looks.end('a');
    await first;
    const second = turns.take(looks.look('b'), NEVER);
    await clock.advance(1_000);
    looks.end('b');
    expect(await second).toBe('b');
  });

  it('L2: leave their place to the next ones where they fail', async () => {
    const turns = new LookTurns(new SimClock()).newLine();
    const failing = (): Promise<never> => Promise.reject(new Error('no leader'));
    for (let time = 0; time < 5; time++) {
      await expect(turns.take(failing, NEVER)).rejects.toThrow('no leader');
    }
    const looks = new Looks();
    const four = ['a', 'b', 'c', 'd'].map((name) => turns.take(looks.look(name), NEVER));
    await settled();
    expect(looks.started).toEqual(['a', 'b', 'c', 'd']);
    ['a', 'b', 'c', 'd'].forEach((name) => looks.end(name));
    await Promise.all(four);
  });

  it('are not begun where the part was given up while they waited, and hold no place then', async () => {
    const turns = new LookTurns(new SimClock()).newLine();
    const looks = new Looks();
    const given = new AbortController();
    const first = ['a', 'b', 'c', 'd'].map((name) => turns.take(looks.look(name), NEVER));
    const second = ['1', '2', '3', '4'].map((name) => turns.take(looks.look(name), given.signal));
    const third = turns.take(looks.look('f'), NEVER);
    const ends = Promise.allSettled(second);
    await settled();
    given.abort(new Error('given up'));
    expect((await ends).map(({ status }) => status)).toEqual(Array<string>(4).fill('rejected'));
    ['a', 'b', 'c', 'd'].forEach((name) => looks.end(name));
    await Promise.all(first);
    await settled();
    looks.end('f');
    expect(await third).toBe('f');
    expect(looks.started).toEqual(['a', 'b', 'c', 'd', 'f']);
  });

  it('are not begun either where that happens while they rest', async () => {
    const clock = new SimClock();
    const turns = new LookTurns(clock).newLine();
    const looks = new Looks();
    const given = new AbortController();
    const first = turns.take(looks.look('a'), NEVER);
    await clock.advance(100);
    looks.end('a');
    await first;
    const second = turns.take(looks.look('b'), given.signal);
    await clock.advance(10);
    given.abort(new Error('given up'));
    await expect(second).rejects.toThrow('given up');
    await clock.advance(1_000);
    expect(looks.started).toEqual(['a']);
  });
});
