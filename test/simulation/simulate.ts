import { fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Figures } from './figures.js';
import { addFigures, NO_FIGURES } from './figures.js';
import { generatePlan } from './generate-plan.js';
import type { Plan } from './plan.js';
import { readRegression } from './regressions.js';
import { figuresText } from './report.js';
import { runPlan } from './run-plan.js';
import type { SeedsResult } from './run-seeds.js';
import { explain, runSeeds, seedsBetween } from './run-seeds.js';

const USAGE = `npm run simulate -- --seed N         one seed, with everything that happens in it
npm run simulate -- --seeds A..B     these seeds
npm run simulate -- --soak COUNT     as many seeds that were never run before
npm run simulate -- --plan FILE      a plan that was kept among the regressions`;

/** A worker takes so many seeds at a time. */
const CHUNK = 100;
/** After so many failures the rest would only cost time. */
const FAILURES_MAX = 5;
const PROGRESS_EVERY_MS = 10_000;

/** What is asked of a worker, and what it answers. */
interface Order {
  readonly first: number;
  readonly last: number;
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
    },
  });
  if (values.seed !== undefined) return replay(generatePlan(Number(values.seed)));
  if (values.plan !== undefined) return replay(readRegression(values.plan).plan);
  const range = values.seeds === undefined ? undefined : /^(\d+)\.\.(\d+)$/.exec(values.seeds);
  if (range?.[1] !== undefined && range[2] !== undefined) return run(Number(range[1]), Number(range[2]));
  if (values.soak !== undefined && Number(values.soak) > 0) {
    const first = Math.floor(Date.now() / 1_000) * 1_000;
    return run(first, first + Number(values.soak) - 1);
  }
  console.error(USAGE);
  return 2;
}

async function replay(plan: Plan): Promise<number> {
  const result = await runPlan(plan, { keepsTrace: true });
  console.log(result.trace.join('\n'));
  console.log(`seed ${plan.seed}, fingerprint ${result.fingerprint}`);
  if (result.violations.length === 0) return 0;
  console.log((await explain(result)).text);
  return 1;
}

async function run(first: number, last: number): Promise<number> {
  const startedMs = Date.now();
  const waiting: Order[] = [];
  for (let from = first; from <= last; from += CHUNK) {
    waiting.push({ first: from, last: Math.min(last, from + CHUNK - 1) });
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
  process.on('message', ({ first, last }: Order) => {
    void runSeeds(seedsBetween(first, last), FAILURES_MAX).then((result) => process.send?.(result));
  });
}
