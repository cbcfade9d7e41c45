import { fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Figures } from './figures.js';
import { addFigures, NO_FIGURES } from './figures.js';
import { readRegression, readServicesRegression } from './regressions.js';
import { figuresText } from './report.js';
import type { SeedsResult, Simulation } from './run-seeds.js';
import { explain, MAPPINGS, runSeeds, seedsBetween, SERVICES } from './run-seeds.js';
import type { AnyPlan } from './shrink-plan.js';

const USAGE = `npm run simulate -- --seed N         one seed, with everything that happens in it
npm run simulate -- --seeds A..B     these seeds
npm run simulate -- --soak COUNT     as many seeds that were never run before
npm run simulate -- --plan FILE      a plan that was kept among the regressions
                    --services       of services in place of a mapping`;

/** A worker takes so many seeds at a time. */
const CHUNK = 100;
/** After so many failures the rest would only cost time. */
const FAILURES_MAX = 5;
const PROGRESS_EVERY_MS = 10_000;

/** What is asked of a worker, and what it answers. */
interface Order {
  readonly first: number;
  readonly last: number;
  readonly ofServices: boolean;
}

if (process.send === undefined) process.exitCode = await main();
else serve();

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      seeds: { type: 'string' },
      soak: { type: 'string' },
      plan: { type: 'string' },
      services: { type: 'boolean' },
    },
  });
  const ofServices = values.services === true;
  if (values.seed !== undefined) {
    const seed = Number(values.seed);
    return ofServices
      ? replay(SERVICES, SERVICES.generatePlan(seed))
      : replay(MAPPINGS, MAPPINGS.generatePlan(seed));
  }
  if (values.plan !== undefined) {
    return ofServices
      ? replay(SERVICES, readServicesRegression(values.plan).plan)
      : replay(MAPPINGS, readRegression(values.plan).plan);
  }
  const range = values.seeds === undefined ? undefined : /^(\d+)\.\.(\d+)$/.exec(values.seeds);
  if (range?.[1] !== undefined && range[2] !== undefined)
    return run(Number(range[1]), Number(range[2]), ofServices);
  if (values.soak !== undefined && Number(values.soak) > 0) {
    const first = Math.floor(Date.now() / 1_000) * 1_000;
    return run(first, first + Number(values.soak) - 1, ofServices);
  }
  console.error(USAGE);
  return 2;
}

async function replay<P extends AnyPlan>(simulation: Simulation<P>, plan: P): Promise<number> {
  const result = await simulation.runPlan(plan, { keepsTrace: true });
  console.log(result.trace.join('\n'));
  console.log(`seed ${plan.seed}, fingerprint ${result.fingerprint}`);
  if (result.violations.length === 0) return 0;
  console.log((await explain(simulation, result)).text);
  return 1;
}

async function run(first: number, last: number, ofServices: boolean): Promise<number> {
  const startedMs = Date.now();
  const waiting: Order[] = [];
  for (let from = first; from <= last; from += CHUNK) {
    waiting.push({ first: from, last: Math.min(last, from + CHUNK - 1), ofServices });
  }
  let figures: Figures = NO_FIGURES;
  let failures = 0;
  let shownMs = startedMs;
  const seconds = (): number => (Date.now() - startedMs) / 1_000;
  const done = (result: SeedsResult): void => {
    figures = addFigures(figures, result.figures);
    failures += result.failures.length;
    for (const { text } of result.failures) console.log(`${text}\n`);
    if (failures >= FAILURES_MAX) waiting.length = 0;
    if (Date.now() - shownMs < PROGRESS_EVERY_MS) return;
    shownMs = Date.now();
    console.error(
      `${figures.runs} of ${last - first + 1} seeds in ${seconds().toFixed(0)} s, ${failures} failed`,
    );
  };
  const workers = Math.min(availableParallelism(), waiting.length);
  await Promise.all(Array.from({ length: workers }, () => employ(waiting, done)));
  console.log(`seeds ${first}..${last}`);
  console.log(figuresText(figures, failures, seconds()));
  return failures === 0 ? 0 : 1;
}

/** Keeps one worker process busy until nothing is waiting. */
async function employ(waiting: Order[], done: (result: SeedsResult) => void): Promise<void> {
  const worker = fork(fileURLToPath(import.meta.url));
  const ended = once(worker, 'exit').then(([code]) => {
    if (waiting.length > 0) throw new Error(`a worker ended with code ${String(code)}`);
  });
  for (let order = waiting.shift(); order !== undefined; order = waiting.shift()) {
    const answered = once(worker, 'message') as Promise<[SeedsResult]>;
    worker.send(order);
    const answer = await Promise.race([answered, ended]);
    if (answer === undefined) return;
    done(answer[0]);
  }
  worker.disconnect();
  await ended;
}

function serve(): void {
  // Most errors here are simulated, and whoever replays a seed gets the stacks of the others.
  Error.stackTraceLimit = 0;
  process.on('message', ({ first, last, ofServices }: Order) => {
    const seeds = seedsBetween(first, last);
    const done = ofServices
      ? runSeeds(SERVICES, seeds, FAILURES_MAX)
      : runSeeds(MAPPINGS, seeds, FAILURES_MAX);
    void done.then((result) => process.send?.(result));
  });
}
