import { afterAll, describe, expect, it } from 'vitest';
import { runChaos, type ChaosResult } from '../../chaos/run-chaos.js';
import { summaryLines } from '../../chaos/summary.js';

const OPTIONS = { seed: 15, forMs: 25_000, quietMs: 5_000, daemons: 1, mappings: 1 };
const TIMEOUT_MS = 480_000;

describe('a daemon between real clusters under real faults', () => {
  const lines: string[] = [];
  let result: ChaosResult | undefined;

  afterAll(() => {
    if (result?.violations.length === 0) return;
    console.log([...lines, ...(result === undefined ? [] : summaryLines(OPTIONS, result))].join('\n'));
  });

  it(
    `keeps all promises for ${OPTIONS.forMs / 1_000} s, with seed ${OPTIONS.seed} (S1, S2, S4, S5, S7, L1, L3)`,
    async ({ annotate }) => {
      result = await runChaos({ ...OPTIONS, tell: (line) => lines.push(line) });
      expect(result.violations).toEqual([]);
      // Otherwise nothing would be proven.
      const writes = [...result.histories.values()].flatMap((history) => history.writes);
      const acknowledged = writes.filter(({ outcome }) => outcome === 'acknowledged');
      for (const store of ['zookeeper', 'consul'] as const) {
        expect(acknowledged.filter((write) => write.store === store).length, store).toBeGreaterThan(50);
      }
      expect(result.faults.size).toBeGreaterThan(3);
      await annotate(summaryLines(OPTIONS, result).join('\n'));
    },
    TIMEOUT_MS,
  );
});
