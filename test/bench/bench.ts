import { parseArgs } from 'node:util';
import { SCENARIOS } from './scenarios.js';
import { runScenario } from './run-scenario.js';
import { resultTable } from './result-table.js';
import { keepResult, writeResults } from './results.js';

const USAGE = `npm run bench                                  all scenarios, in their full size
npm run bench -- SCENARIO [--entries N]        one of: ${SCENARIOS.map(({ name }) => name).join(', ')}
                 [--shape flat|nested] [--rounds N]
                 [--keep]                      in docs/performance/; npm run generate makes the page from it
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    entries: { type: 'string' },
    shape: { type: 'string' },
    rounds: { type: 'string' },
    keep: { type: 'boolean' },
  },
});
const wanted = SCENARIOS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
const isKnown = positionals.every((name) => SCENARIOS.some((scenario) => scenario.name === name));
if (!isKnown || (values.shape !== undefined && values.shape !== 'flat' && values.shape !== 'nested')) {
  console.error(USAGE);
  process.exit(2);
}
for (const scenario of wanted) {
  const sizes = {
    entries: Number(values.entries ?? scenario.sizes.entries),
    shape: values.shape ?? scenario.sizes.shape,
  };
  const rounds = Number(values.rounds ?? scenario.rounds);
  const result = await runScenario(scenario, sizes, rounds, (line) => console.error(`  ${line}`));
  console.log(resultTable(result));
  const file = await writeResults(result);
  console.log(`written to ${file}\n`);
  if (values.keep === true) console.log(`kept as ${await keepResult(file)}\n`);
}
process.exit(0);
