import { copyFileSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { openArchive } from '../../../src/archive/open-archive.js';
import { SyncError } from '../../../src/ports/errors.js';
import { entryRecord, mappingState, newConflict } from '../../kit/archive-samples.js';
import { applyDamage } from './damages.js';
import type { Damage } from './damages.js';
import { digestOf } from './archive-digest.js';
import { storm } from './storm.js';

/** Does one thing with an archive, in a process of its own. See archive-processes.ts. */

const JOURNAL = { keepMs: Infinity, maxBytes: 100_000_000 };

const [command, path = '', ...rest] = process.argv.slice(2);

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** Opens it, and keeps it until the standard input ends. */
async function hold(): Promise<void> {
  const archive = await openArchive({ path, journal: JOURNAL });
  print('opened');
  await new Promise((resolve) => process.stdin.resume().once('end', resolve));
  await archive.close();
}

/** Opens it when the standard input ends, to do so at the same moment as others, and keeps it for a while. */
async function race(): Promise<void> {
  print('ready');
  await new Promise((resolve) => process.stdin.resume().once('end', resolve));
  try {
    const archive = await openArchive({ path, journal: JOURNAL });
    print('opened');
    await sleep(1_000);
    await archive.close();
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    print(error.code);
  }
}

/** Commits without a pause, and prints which commits were resolved. */
async function commitStorm(): Promise<void> {
  const archive = await openArchive({ path, journal: JOURNAL });
  await storm(archive, print);
}

/** Empties a large mapping, and waits to be killed. */
async function reset(): Promise<void> {
  const archive = await openArchive({ path, journal: JOURNAL });
  const mapping = archive.mapping({ left: '/config', right: 'config/' });
  const keys = Array.from({ length: 30_000 }, (_, i) => `key-${i}`);
  await mapping.commit({ records: new Map(keys.map((key) => [key, entryRecord(1)])), state: mappingState() });
  await mapping.reset();
  print('reset');
  await new Promise((resolve) => process.stdin.resume().once('end', resolve));
}

/** Opens copies of an archive, each with some damage, and prints what comes of it. */
async function damaged(): Promise<void> {
  const [dataFile = '', original = '', list = ''] = rest;
  const damages = JSON.parse(readFileSync(list, 'utf8')) as Damage[];
  const places = [{ left: '/config', right: 'config/' }];
  for (const damage of damages) {
    copyFileSync(original, dataFile);
    applyDamage(dataFile, damage);
    print({ about: damage });
    try {
      const archive = await openArchive({ path, journal: JOURNAL });
      try {
        print({ digest: digestOf(archive, places) });
      } finally {
        await archive.close();
      }
    } catch (error) {
      if (!(error instanceof SyncError)) throw error;
      print({ code: error.code, message: error.message });
    }
  }
}

/** Commits until the disk is full, and prints what that is like. */
async function fill(): Promise<void> {
  const archive = await openArchive({ path, journal: JOURNAL });
  const mapping = archive.mapping({ left: '/config', right: 'config/' });
  let resolved = 0;
  try {
    for (;;) {
      await mapping.commit({
        state: mappingState(),
        conflicts: [newConflict(resolved, { open: true }, 100_000)],
      });
      resolved++;
    }
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    print({ resolved, code: error.code, message: error.message });
  }
  const next = await mapping
    .commit({})
    .catch((error: unknown) => (error instanceof SyncError ? error.code : 'other'));
  print({ next, total: mapping.conflictCounts().total });
  await archive.close();
}

const commands: Readonly<Record<string, () => Promise<void>>> = {
  hold,
  race,
  storm: commitStorm,
  reset,
  damaged,
  fill,
};
await commands[command ?? '']?.();
