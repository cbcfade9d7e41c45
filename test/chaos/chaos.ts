import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { keepEvidence } from './evidence.js';
import { runChaos, type ChaosOptions } from './run-chaos.js';
import { summaryLines } from './summary.js';

/**
 * `npm run chaos -- --minutes 20 --seed 7 --daemons 1 --mappings 1`: real clusters under real faults, with clients
 * writing on both sides. Exit code 0 only if every promise was kept; otherwise everything that tells how it came about
 * is left in a folder.
 */

const EVIDENCE = fileURLToPath(new URL('../../.cache/chaos/', import.meta.url));
const QUIET_MS = 15_000;

const { values: given } = parseArgs({
  options: {
    minutes: { type: 'string', default: '20' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
    daemons: { type: 'string', default: '1' },
    mappings: { type: 'string', default: '1' },
  },
});

const seed = numberOf('seed', 0);
const options: ChaosOptions = {
  ...{ seed, daemons: numberOf('daemons', 1), mappings: numberOf('mappings', 1) },
  ...{ forMs: Number(given.minutes) * 60_000, quietMs: QUIET_MS },
  tell: (line) => console.log(line),
  keep: async (stage, result) => {
    const folder = join(EVIDENCE, `seed-${seed}-${new Date().toISOString().replaceAll(':', '')}`);
    await keepEvidence(folder, stage, result);
    console.log(`evidence: ${folder}`);
  },
};

const result = await runChaos(options);
console.log('');
for (const line of summaryLines(options, result)) console.log(line);
const again = Object.entries({ ...given, seed }).map(([name, value]) => `--${name} ${value}`);
console.log(`the same plan again: npm run chaos -- ${again.join(' ')}`);
process.exit(result.violations.length === 0 ? 0 : 1);

function numberOf(name: 'seed' | 'daemons' | 'mappings', least: number): number {
  const number = Number(given[name]);
  if (!Number.isInteger(number) || number < least) throw new Error(`--${name} ${given[name]} is no number`);
  return number;
}
