import { describe, expect, it } from 'vitest';
import type { ClientChanges } from '../../src/ports/client-changes.js';
import type { Bench } from './archive-bench.js';
import { mappingState } from './archive-samples.js';

export function clientChanges(change: Partial<ClientChanges> = {}): ClientChanges {
  const lastAtMs = 1_750_000_000_000;
  return { hour: 486_111, side: 'left', folder: 'app', count: 1, lastAtMs, upTo: 2n ** 63n, ...change };
}

/** What every archive promises of the numbers of clients' changes. */
export function countsOfClientChanges(bench: Bench): void {
  describe('the numbers of clients’ changes', () => {
    it('are there again after a restart, told apart by hour, side and folder, and added to each other', async () => {
      const { mapping } = bench;
      expect(mapping.clientChanges(0)).toEqual([]);
      const rest = clientChanges({ folder: undefined, upTo: -1n });
      const top = clientChanges({ folder: '' });
      const later = clientChanges({ hour: 486_112, side: 'right' });
      await mapping.commit({ clientChanges: [clientChanges(), rest, top] });
      await mapping.commit({
        state: mappingState(),
        clientChanges: [clientChanges({ count: 4, lastAtMs: 5, upTo: 7n }), later],
      });
      await bench.reopen();
      const found = bench.mapping.clientChanges(0);
      const expected = [clientChanges({ count: 5 }), rest, top, later];
      expect(found.at(-1)).toEqual(later);
      expect(new Set(found.map((one) => asText(one)))).toEqual(new Set(expected.map((one) => asText(one))));
      expect(bench.mapping.clientChanges(486_112)).toEqual([later]);
      expect(bench.mapping.clientChanges(486_113)).toEqual([]);
    });

    it('outlive a reset, as who writes does not change with it', async () => {
      await bench.mapping.commit({ clientChanges: [clientChanges()] });
      await bench.mapping.reset(mappingState());
      expect(bench.mapping.clientChanges(0)).toEqual([clientChanges()]);
    });

    it('are let go of after a week, so that they take bounded room (S9)', async () => {
      for (let hour = 0; hour < 400; hour++) {
        await bench.mapping.commit({ clientChanges: [clientChanges({ hour })] });
      }
      const hours = bench.mapping.clientChanges(0).map(({ hour }) => hour);
      expect(Math.min(...hours)).toBe(399 - 169);
      expect(hours).toHaveLength(170);
    });

    it('are whole or not there, with what is committed beside them', async () => {
      const tooLong = new Map([['k'.repeat(5_000), undefined]]);
      const broken = bench.mapping.commit({ records: tooLong, clientChanges: [clientChanges()] });
      await expect(broken).rejects.toThrow(RangeError);
      expect(bench.mapping.clientChanges(0)).toEqual([]);
    });
  });
}

function asText(one: ClientChanges): string {
  return JSON.stringify(one, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
}
