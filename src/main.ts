#!/usr/bin/env node
import { runCommandLine } from './cli/command-line.js';
import { endOnLostOutput } from './cli/output-failure.js';
import { readLine } from './cli/read-line.js';

// Whatever is made, first of all the archive, holds values: it is for this user alone, whoever started the program.
process.umask(0o077);

const { stdout, stderr, env: environment } = process;
endOnLostOutput(stdout, stderr, (code) => process.exit(code));
const interrupted = (): AbortSignal => {
  const interrupt = new AbortController();
  process.once('SIGINT', () => interrupt.abort());
  return interrupt.signal;
};
const stdin = {
  isTTY: process.stdin.isTTY,
  readLine: (signal: AbortSignal) => readLine(process.stdin, signal),
};
const surroundings = { stdout, stderr, stdin, environment, interrupted };
const exitCode = await runCommandLine(process.argv.slice(2), surroundings);
// What a library keeps open must not keep the process. Where the output is lost, that is told next, and ends it.
stdout.write('', (error) => {
  if (!error) process.exit(exitCode);
});
