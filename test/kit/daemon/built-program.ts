import { existsSync } from 'node:fs';

/** What `npm run build` made; another build can be named, to try it without replacing that. */
const MAIN = process.env['ZK_CONSUL_SYNC_MAIN'] ?? new URL('../../../dist/main.js', import.meta.url).pathname;

/** @throws at once where nothing is built, rather than have each test wait for a process that can't start */
export function builtProgram(): string {
  if (!existsSync(MAIN)) throw new Error(`${MAIN} does not exist: run \`npm run build\``);
  return MAIN;
}
