import { describe, expect, it } from 'vitest';
import { concurrently } from '../../../src/zookeeper/concurrently.js';

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('concurrently', () => {
  it('S9: has no more under way than allowed, and gives the results in the order of the items', async () => {
    let underWay = 0;
    let most = 0;
    const results = await concurrently(
      Array.from({ length: 20 }, (_, i) => i),
      3,
      async (item) => {
        most = Math.max(most, ++underWay);
        for (let i = 0; i < item % 4; i++) await turn();
        underWay--;
        return item * 2;
      },
    );
    expect(most).toBe(3);
    expect(results).toEqual(Array.from({ length: 20 }, (_, i) => i * 2));
  });

  it('asks for an item only when its turn comes', async () => {
    let asked = 0;
    const items = (function* () {
      while (asked < 5) yield asked++;
    })();
    const seen = await concurrently(items, 1, async () => asked);
    expect(seen).toEqual([1, 2, 3, 4, 5]);
  });

  it('begins nothing after a failure, and throws it when all that was under way is over', async () => {
    const begun: number[] = [];
    const ended: number[] = [];
    const work = concurrently([0, 1, 2, 3, 4], 2, async (item) => {
      begun.push(item);
      if (item === 0) throw new Error('the first');
      await turn();
      ended.push(item);
    });
    await expect(work).rejects.toThrow('the first');
    expect([begun, ended]).toEqual([[0, 1], [1]]);
  });
});
