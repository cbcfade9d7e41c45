import { describe, expect, it } from 'vitest';
import {
  belongsElsewhere,
  ledBy,
  leavesTheLead,
  nextHandover,
} from '../../../src/core/leadership-balance.js';
import { SeededRandom } from '../../kit/memory-store/seeded-random.js';

/** Daemons that enter and leave the queues of some mappings, and obey the rules. */
class Daemons {
  readonly queues = new Map<string, string[]>();
  moves = 0;

  constructor(mappings: number) {
    for (let i = 0; i < mappings; i++) this.queues.set(`mapping-${i}`, []);
  }

  join(member: string): void {
    for (const queue of this.queues.values()) queue.push(member);
  }

  leave(member: string): void {
    for (const [mapping, queue] of this.queues) {
      const wasFirst = queue[0] === member;
      this.queues.set(
        mapping,
        queue.filter((other) => other !== member),
      );
      if (wasFirst) this.succeed(mapping);
    }
  }

  /** Who comes to the head takes the lead, or leaves it to somebody less loaded. */
  succeed(mapping: string): void {
    const queue = this.queues.get(mapping) ?? [];
    for (let steps = queue.length; steps > 0; steps--) {
      const [first = '', ...behind] = queue;
      const led = ledBy(this.queues);
      if (!leavesTheLead((led.get(first) ?? 0) - 1, behind, led)) return;
      queue.push(...queue.splice(0, 1));
    }
  }

  /** Hands over until nobody has to any more. */
  settle(): void {
    for (let move = nextHandover(this.queues); move !== undefined; move = nextHandover(this.queues)) {
      const queue = this.queues.get(move.mapping) ?? [];
      expect(queue[0]).toBe(move.from);
      queue.push(...queue.splice(0, 1));
      this.succeed(move.mapping);
      if (++this.moves > 1_000) throw new Error('there is no end of handing over');
    }
  }

  spread(members: readonly string[]): number {
    const led = ledBy(this.queues);
    const counts = members.map((member) => led.get(member) ?? 0);
    return Math.max(...counts) - Math.min(...counts);
  }
}

describe('mappings spread over daemons', () => {
  it.each(Array.from({ length: 200 }, (_, seed) => seed + 1))(
    'evenly and with few moves, whoever joins and leaves (seed %i)',
    (seed) => {
      const random = new SeededRandom(seed);
      const mappings = 1 + random.below(12);
      const daemons = new Daemons(mappings);
      const members = ['daemon-0'];
      daemons.join('daemon-0');
      for (let step = 1; step <= 20; step++) {
        daemons.moves = 0;
        if (members.length > 1 && random.chance(0.5)) {
          const [gone = ''] = members.splice(random.below(members.length), 1);
          daemons.leave(gone);
        } else {
          members.push(`daemon-${step}`);
          daemons.join(`daemon-${step}`);
        }
        daemons.settle();
        expect(daemons.spread(members)).toBeLessThanOrEqual(1);
        // No more than it takes to give a newcomer its share.
        expect(daemons.moves).toBeLessThanOrEqual(mappings);
      }
    },
  );

  it('stays as it is when it is even', () => {
    const queues = new Map([
      ['a', ['one', 'two']],
      ['b', ['two', 'one']],
      ['c', ['one', 'two']],
    ]);
    expect(nextHandover(queues)).toBeUndefined();
  });

  it('hands over to candidates only: who is not in the queue could not lead', () => {
    const queues = new Map([
      ['a', ['one']],
      ['b', ['one']],
      ['c', ['one', 'two']],
      ['d', ['three', 'two']],
    ]);
    expect(nextHandover(queues)).toEqual({ mapping: 'c', from: 'one' });
    queues.set('c', ['one']);
    expect(nextHandover(queues)).toBeUndefined();
  });
});

describe('what follows the mappings', () => {
  const led = new Map([['two', 1]]);

  it('leaves a member that leads none for one behind it that does', () => {
    expect(belongsElsewhere(['one', 'three', 'two'], led)).toBe(true);
  });

  it.each([
    ['leads one itself', ['two', 'one']],
    ['has nobody behind it that does', ['one', 'three']],
    ['stands alone', ['one']],
    ['is not there', []],
  ])('stays where its member %s', (_, queue) => {
    expect(belongsElsewhere(queue, led)).toBe(false);
  });

  it('stays while nobody leads any mapping', () => {
    expect(belongsElsewhere(['one', 'two'], new Map())).toBe(false);
  });
});
