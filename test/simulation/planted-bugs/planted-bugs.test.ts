import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { generatePlan } from '../generate-plan.js';
import { runPlan } from '../run-plan.js';
import { firstRed, plant } from './planting.js';
import { PLANTED_BUGS } from './planted-bugs.js';

describe('the checkers can fail', () => {
  it.each(PLANTED_BUGS.map((bug, number) => ({ ...bug, number })))(
    'for $name: $harm',
    async ({ number, ...bug }) => {
      const { remove, ...simulation } = await plant(bug, `bug-${number}`);
      try {
        const found = await firstRed(simulation, bug);
        expect(found, `seeds 1 to ${bug.seedsMax} are green`).toBeDefined();
        expect(
          found?.checkers.some((checker) => bug.seenBy.includes(checker)),
          String(found?.checkers),
        ).toBe(true);
      } finally {
        remove();
      }
    },
  );

  it('for each bug that docs/testing.md lists, and no other', () => {
    const lines = readFileSync('docs/testing.md', 'utf8').split('\n');
    const start = lines.findIndex((line) => line.startsWith('| Bug '));
    const rows = lines
      .slice(start + 2, lines.indexOf('', start))
      .map((line) => line.split('|').map((cell) => cell.trim()));
    expect(rows.map(([, name, harm, , seeds]) => [name, harm, Number(seeds)])).toEqual(
      PLANTED_BUGS.map(({ name, harm, seedsMax }) => [name, harm, seedsMax]),
    );
  });

  it('and do not where no bug is planted', async () => {
    const longest = new Map<string, (typeof PLANTED_BUGS)[number]>();
    for (const bug of PLANTED_BUGS) {
      const of = JSON.stringify(bug.focus);
      if (bug.seedsMax > (longest.get(of)?.seedsMax ?? 0)) longest.set(of, bug);
    }
    for (const bug of longest.values()) {
      expect(await firstRed({ generatePlan, runPlan }, bug), JSON.stringify(bug.focus)).toBeUndefined();
    }
  });
});
