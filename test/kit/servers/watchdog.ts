import { spawn } from 'node:child_process';
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('./watchdog-process.mjs', import.meta.url));

let orders: Writable | undefined;

/** What must not outlive this process, even when it is killed with SIGKILL. */
export const watchdog = {
  guardProcess: (pid: number): void => {
    order(`+kill ${String(pid)}`);
  },
  releaseProcess: (pid: number): void => {
    order(`-kill ${String(pid)}`);
  },
  guardFolder: (path: string): void => {
    order(`+remove ${path}`);
  },
  releaseFolder: (path: string): void => {
    order(`-remove ${path}`);
  },
};

function order(line: string): void {
  orders ??= startWatchdog();
  orders.write(`${line}\n`);
}

function startWatchdog(): Writable {
  // Detached, so that a Ctrl-C meant for the tests doesn't end it before its work.
  const child = spawn(process.execPath, [PROGRAM], { detached: true, stdio: ['pipe', 'ignore', 'inherit'] });
  // Neither the watchdog nor the pipe to it keeps this process from ending.
  child.unref();
  (child.stdin as Writable & { unref(): void }).unref();
  return child.stdin;
}
