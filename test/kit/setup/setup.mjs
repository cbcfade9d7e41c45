// Makes a fresh clone ready to test and to demonstrate: npm packages, and real ZooKeeper and Consul servers.
// Needs nothing but Node, changes nothing outside the checkout, and takes a moment when all is there.
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CACHE, SERVERS, SetupError, onPath, say, seconds } from './machine.mjs';
import { installNodePackages, nodePackagesAreInstalled } from './node-packages.mjs';
import { provideRealServers, realServersAreFound } from './real-servers.mjs';

/** Tells a run that it has the lock, and works alone in the checkout. */
const LOCKED = '--locked';
const LOCK_TIMEOUT_SECONDS = 900;

try {
  process.exitCode = setUp();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`\nsetup failed:\n${error.message}`);
  process.exitCode = 1;
}

function setUp() {
  const startedMs = Date.now();
  mkdirSync(SERVERS, { recursive: true });
  const isDone = nodePackagesAreInstalled() && realServersAreFound();
  const hasLock = process.argv.includes(LOCKED) || onPath('flock') === undefined;
  if (!isDone && !hasLock) return setUpAlone();
  if (!nodePackagesAreInstalled()) installNodePackages();
  if (!realServersAreFound()) provideRealServers();
  say(`ready (${seconds(startedMs)})`);
  return 0;
}

/** Runs again under a lock that the system releases however the run ends, so that there is never a stale one. */
function setUpAlone() {
  const lock = join(CACHE, 'setup.lock');
  const isBusy = spawnSync('flock', ['--nonblock', lock, 'true']).status !== 0;
  if (isBusy) say('waiting for another set-up of this checkout ...');
  const command = [lock, process.execPath, fileURLToPath(import.meta.url), LOCKED];
  const options = ['--timeout', String(LOCK_TIMEOUT_SECONDS)];
  const { status, error } = spawnSync('flock', [...options, ...command], { stdio: 'inherit' });
  if (error !== undefined) throw new SetupError(`flock: ${error.message}`);
  return status ?? 1;
}
