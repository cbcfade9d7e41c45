import { readFileSync } from 'node:fs';
import { delimiter, dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const FOUND = fileURLToPath(new URL('../../../.cache/servers/found.json', import.meta.url));
/** Where the set-up unpacks what the machine does not have. */
export const UNPACKED = dirname(FOUND);

export type ZooKeeperFlavour = '3.8' | '3.4';

/** What the set-up wrote down: paths, absolute or relative to the file's folder. */
interface Found {
  readonly java: string;
  readonly consul: string;
  readonly 'zookeeper-3.8': readonly string[];
  readonly 'zookeeper-3.4'?: readonly string[];
  readonly libfaketime?: string;
  /** See found-tools.ts. */
  readonly prometheus?: readonly string[];
  readonly kubectl?: string;
  readonly systemd?: readonly string[];
  readonly chromium?: string;
  /** See found-shells.ts. */
  readonly zsh?: string;
  readonly fish?: string;
  /** See found-discovery-clients.ts. */
  readonly curator?: readonly string[];
  readonly dig?: string;
}

export function javaBinary(): string {
  return absolute(readFound().java);
}

export function consulBinary(): string {
  return absolute(readFound().consul);
}

/** The class path that runs ZooKeeper. Its command line works with that of 3.8 only, against either server. */
export function zooKeeperClassPath(flavour: ZooKeeperFlavour): string {
  const jars = readFound()[`zookeeper-${flavour}`];
  if (jars === undefined) {
    throw new Error(`This test needs ZooKeeper ${flavour}: run \`npm run setup\`, which says how to get it.`);
  }
  return jars.map(absolute).join(delimiter);
}

/**
 * The environment under which a server's wall clock is `aheadMs` ahead of the machine's. Its other clocks stay, which
 * timeouts are measured with.
 */
export function clockAhead(aheadMs: number): Record<string, string> {
  const { libfaketime } = readFound();
  if (libfaketime === undefined) {
    throw new Error('This test needs libfaketime: run `npm run setup`, which says how to get it.');
  }
  const offset = `${aheadMs < 0 ? '-' : '+'}${Math.abs(aheadMs / 1_000)}`;
  return {
    LD_PRELOAD: absolute(libfaketime),
    FAKETIME: offset,
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    DONT_FAKE_MONOTONIC: '1',
  };
}

export function chromiumBinary(): string {
  const { chromium } = readFound();
  if (chromium === undefined) {
    throw new Error('This test needs Chromium: run `npm run setup`, which says how to get it.');
  }
  return absolute(chromium);
}

export function readFound(): Found {
  try {
    return JSON.parse(readFileSync(FOUND, 'utf8')) as Found;
  } catch (error) {
    throw new Error('The real servers are not set up yet: run `npm run setup`.', { cause: error });
  }
}

function absolute(path: string): string {
  return resolve(dirname(FOUND), path);
}
