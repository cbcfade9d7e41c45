// Installs the project's npm packages when node_modules lacks what package-lock.json names.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, SetupError, say, seconds } from './machine.mjs';

/** Whether every package of the lock file is installed in its version. Compares content: a checkout moves file times. */
export function nodePackagesAreInstalled() {
  const wanted = readPackages(join(ROOT, 'package-lock.json'));
  const installed = readPackages(join(ROOT, 'node_modules', '.package-lock.json'));
  return Object.entries(wanted).every(
    ([path, { version, optional }]) => path === '' || optional || installed[path]?.version === version,
  );
}

export function installNodePackages() {
  const startedMs = Date.now();
  say('installing npm packages (npm ci) ...');
  // No package of this project needs its install scripts: lmdb and esbuild ship their binaries as packages.
  const options = ['ci', '--ignore-scripts', '--no-audit', '--no-fund'];
  const { status, error } = spawnSync('npm', options, { cwd: ROOT, stdio: 'inherit' });
  if (status !== 0) {
    const reason = error === undefined ? `exit code ${String(status)}` : error.message;
    throw new SetupError(
      `\`npm ci\` failed (${reason}). Its output above says why; npm's registry must be reachable.`,
    );
  }
  say(`npm packages installed (${seconds(startedMs)})`);
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages ?? {};
  } catch {
    return {}; // Missing or half written: not installed.
  }
}
