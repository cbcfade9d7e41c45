#!/usr/bin/env node
import { runCommandLine } from './cli/command-line.js';

// Whoever reads this program's output may stop reading: `zk-consul-sync plan | head`.
process.stdout.on('error', () => process.exit());

const { stdout, stderr, env: environment } = process;
const interrupted = (): AbortSignal => {
  const interrupt = new AbortController();
  process.once('SIGINT', () => interrupt.abort());
  return interrupt.signal;
};
const exitCode = await runCommandLine(process.argv.slice(2), { stdout, stderr, environment, interrupted });
// What a library keeps open must not keep the process.
stdout.write('', () => process.exit(exitCode));
