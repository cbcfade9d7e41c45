// Runs every static check, also after one has failed, two at a time; shows what the failed ones say.
import { spawn } from 'node:child_process';
import { ROOT, seconds } from './machine.mjs';

/** The slowest first, so that the others fit beside it. */
const CHECKS = [
  ['eslint', '--max-warnings', '0', '.'],
  ['tsc', '-p', 'tsconfig.json'],
  ['tsc', '-p', 'src/admin/page'],
  ['prettier', '--check', '--log-level', 'warn', '.'],
  ['depcruise', 'src', 'test'],
  ['knip'],
];
const AT_ONCE = 2;

const waiting = [...CHECKS];
const lanes = Array.from({ length: AT_ONCE }, async () => {
  let failures = 0;
  for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
    if (!(await passes(check))) failures++;
  }
  return failures;
});
const failures = (await Promise.all(lanes)).reduce((sum, count) => sum + count, 0);
process.exitCode = failures === 0 ? 0 : 1;

/** Runs through npm's PATH, which has the project's own binaries first. */
async function passes([command, ...parameters]) {
  const startedMs = Date.now();
  let output = '';
  const child = spawn(command, parameters, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  const failure = await new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code) => resolve(code === 0 ? undefined : output));
  });
  console.log(`check: ${command} ${failure === undefined ? 'ok' : 'FAILED'} (${seconds(startedMs)})`);
  if (failure !== undefined) console.log(failure.trimEnd());
  return failure === undefined;
}
