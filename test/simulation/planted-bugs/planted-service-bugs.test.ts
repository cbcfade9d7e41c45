import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { ServicesFocus } from '../services/generate-plan.js';
import { generatePlan } from '../services/generate-plan.js';
import type { ServicesPlan } from '../services/plan.js';
import { runPlan } from '../services/run-plan.js';
import type { PlantedBug } from './planted-bugs.js';
import { PLANTED_SERVICE_BUGS } from './planted-service-bugs.js';
import { firstRed, plant } from './planting.js';

describe('the checkers of services can fail', () => {
  it.each(PLANTED_SERVICE_BUGS.map((bug, number) => ({ ...bug, number })))(
    'for $name: $harm',
    async ({ number, ...bug }) => {
      const folder = `service-bug-${number}`;
      const { remove, ...simulation } = await plant<ServicesFocus, ServicesPlan>(bug, folder, 'services/');
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
    const start = lines.findIndex((line) => line.startsWith('| Bug of services '));
    const rows = lines
      .slice(start + 2, lines.indexOf('', start))
      .map((line) => line.split('|').map((cell) => cell.trim()));
    expect(rows.map(([, name, harm, , seeds]) => [name, harm, Number(seeds)])).toEqual(
      PLANTED_SERVICE_BUGS.map(({ name, harm, seedsMax }) => [name, harm, seedsMax]),
    );
  });

  it.each(longestByFocus())('and do not where no bug is planted, with plans about $about', async (bug) => {
    expect(await firstRed({ generatePlan, runPlan }, bug)).toBeUndefined();
  });
});

/** Of the bugs with the same plans, the one with the most seeds. */
function longestByFocus() {
  const longest = new Map<string, PlantedBug<ServicesFocus>>();
  for (const bug of PLANTED_SERVICE_BUGS) {
    const about = JSON.stringify(bug.focus);
    if (bug.seedsMax > (longest.get(about)?.seedsMax ?? 0)) longest.set(about, bug);
  }
  return [...longest].map(([about, { focus, seedsMax }]) => ({ about, focus, seedsMax }));
}
