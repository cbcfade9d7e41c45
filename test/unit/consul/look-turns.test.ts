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

async function settled(clock: SimClock): Promise<void> {
  await clock.advance(0);
}

describe('looks into parts', () => {
  it('S9: are never more than two at once, and come in the order in which they were asked for', async () => {
    const clock = new SimClock();
    const turns = new LookTurns(clock);
    const looks = new Looks();
    const all = ['a', 'b', 'c', 'd'].map((name) => turns.take(looks.look(name), NEVER));
    await settled(clock);
    expect(looks.started).toEqual(['a', 'b']);
    looks.end('b');
    await settled(clock);
    expect(looks.started).toEqual(['a', 'b', 'c']);
    ['a', 'c'].forEach((name) => looks.end(name));
    await settled(clock);
    looks.end('d');
    expect(await Promise.all(all)).toEqual(['a', 'b', 'c', 'd']);
    expect(looks.waited).toEqual(['c', 'd']);
  });

  it('leave their place empty for as long as they took, so that half of the time is left to others', async () => {
    const clock = new SimClock();
    const turns = new LookTurns(clock);
    const looks = new Looks();
    const all = ['a', 'b', 'c'].map((name) => turns.take(looks.look(name), NEVER));
    await clock.advance(30);
    looks.end('a');
    expect(await all[0]).toBe('a');
    await clock.advance(29);
    expect(looks.started).toEqual(['a', 'b']);
    await clock.advance(1);
    expect(looks.started).toEqual(['a', 'b', 'c']);
  });

  it('L2: leave it to the next one where they fail', async () => {
    const clock = new SimClock();
    const turns = new LookTurns(clock);
    const failing = (): Promise<never> => Promise.reject(new Error('no leader'));
    for (let time = 0; time < 3; time++) {
      await expect(turns.take(failing, NEVER)).rejects.toThrow('no leader');
      await clock.advance(0);
    }
    expect(await turns.take(() => Promise.resolve('seen'), NEVER)).toBe('seen');
  });

  it('are not begun where the part was given up while they waited, and hold no place then', async () => {
    const clock = new SimClock();
    const turns = new LookTurns(clock);
    const looks = new Looks();
    const given = new AbortController();
    const first = ['a', 'b'].map((name) => turns.take(looks.look(name), NEVER));
    const second = turns.take(looks.look('c'), given.signal);
    const third = turns.take(looks.look('d'), NEVER);
    given.abort(new Error('given up'));
    await expect(second).rejects.toThrow('given up');
    ['a', 'b'].forEach((name) => looks.end(name));
    await Promise.all(first);
    await settled(clock);
    looks.end('d');
    expect(await third).toBe('d');
    expect(looks.started).toEqual(['a', 'b', 'd']);
  });
});
