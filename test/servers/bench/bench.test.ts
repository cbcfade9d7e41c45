import { describe, expect, it } from 'vitest';
import { resultTable } from '../../bench/result-table.js';
import { runScenario } from '../../bench/run-scenario.js';
import { SCENARIOS } from '../../bench/scenarios.js';

describe('the benchmark', () => {
  // What it measures here says nothing: machines that test are busy.
  it.each(SCENARIOS.map((scenario) => [scenario.name, scenario] as const))(
    'measures %s, with everybody in turn',
    async (_name, scenario) => {
      const result = await runScenario(scenario, scenario.smallest, 1, () => undefined, true);
      expect(result.figures.filter(({ contender }) => contender === 'zk-consul-sync')).not.toEqual([]);
      for (const { name, median } of result.figures) expect(Number.isFinite(median), name).toBe(true);
      const table = resultTable(result).split('\n');
      expect(table).toHaveLength(result.figures.length + 2);
    },
    120_000,
  );
});
