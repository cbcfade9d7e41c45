import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockDirectory } from '../../../src/archive/process-lock.js';
import { openArchive } from '../../../src/archive/open-archive.js';
import { SyncError } from '../../../src/ports/errors.js';
import { mappingState } from '../../kit/archive-samples.js';
import { ArchiveProcess } from './archive-processes.js';
import { temporaryDirectory } from './temporary-directory.js';
import type { TemporaryDirectory } from './temporary-directory.js';

const PLACES = { left: '/config', right: 'config/' };
const JOURNAL = { keepMs: Infinity, maxBytes: 1_000_000 };
const SLOW_TEST_MS = 120_000;

describe('one process at a time', () => {
  let directory: TemporaryDirectory;
  const children: ArchiveProcess[] = [];

  beforeEach(async () => {
    directory = await temporaryDirectory();
  });
  afterEach(async () => {
    for (const child of children.splice(0)) {
      child.kill('SIGKILL');
      await child.exit;
    }
    await directory.remove();
  });

  function start(...args: string[]): ArchiveProcess {
    const child = new ArchiveProcess(args);
    children.push(child);
    return child;
  }

  const open = (path = directory.path): ReturnType<typeof openArchive> =>
    openArchive({ path, journal: JOURNAL });

  async function refusalOf(attempt: Promise<unknown>): Promise<SyncError> {
    const error: unknown = await attempt.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (!(error instanceof SyncError)) throw new Error(`not refused: ${String(error)}`);
    return error;
  }

  it(
    'refuses a second one while another process has the archive, and names that process and its host',
    async () => {
      const holder = start('hold', directory.path);
      await holder.line(1);
      const refusal = await refusalOf(open());
      expect(refusal.code).toBe('ARCHIVE_LOCKED');
      expect(refusal.message).toContain(`process ${holder.pid} on host ${hostname()}`);
      await holder.end();
      await (await open()).close();
    },
    SLOW_TEST_MS,
  );

  it('refuses a second one in the same process, and leaves the first one its archive', async () => {
    const archive = await open();
    expect((await refusalOf(open())).code).toBe('ARCHIVE_LOCKED');
    await archive.mapping(PLACES).commit({ state: mappingState() });
    await archive.close();
    await (await open()).close();
  });

  it(
    'S7: is over with kill -9 of the process that has it, and takes away what that one left',
    async () => {
      for (let times = 0; times < 2; times++) {
        const holder = start('hold', directory.path);
        await holder.line(1);
        holder.kill('SIGKILL');
        await holder.exit;
      }
      const archive = await open();
      expect(await readdir(join(directory.path, 'lock'))).toHaveLength(1);
      await archive.close();
      expect(await readdir(join(directory.path, 'lock'))).toHaveLength(0);
    },
    SLOW_TEST_MS,
  );

  it(
    'refuses while the process that has it is there but does not answer',
    async () => {
      const holder = start('hold', directory.path);
      await holder.line(1);
      holder.kill('SIGSTOP');
      const refusal = await refusalOf(open());
      expect(refusal.code).toBe('ARCHIVE_LOCKED');
      expect(refusal.message).toContain(`process ${holder.pid}, which does not answer`);
    },
    SLOW_TEST_MS,
  );

  it(
    'is never two, however many come at once',
    async () => {
      const racers = Array.from({ length: 3 }, () => start('race', directory.path));
      await Promise.all(racers.map((racer) => racer.line(1)));
      const exits = await Promise.all(racers.map((racer) => racer.end()));
      expect(exits.map(({ code }) => code)).toEqual([0, 0, 0]);
      const outcomes = racers.map((racer) => JSON.parse(racer.printed()[1] ?? '') as string);
      expect(outcomes.filter((outcome) => outcome === 'opened').length).toBeLessThanOrEqual(1);
      expect(
        outcomes.filter((outcome) => outcome !== 'opened').every((outcome) => outcome === 'ARCHIVE_LOCKED'),
      ).toBe(true);
    },
    SLOW_TEST_MS,
  );

  it('is never two, in any order of listening and looking around', async () => {
    for (let round = 0; round < 30; round++) {
      const attempts = await Promise.allSettled([1, 2, 3].map(() => lockDirectory(directory.path)));
      const locks = attempts.filter((attempt) => attempt.status === 'fulfilled').map(({ value }) => value);
      expect(locks.length).toBeLessThanOrEqual(1);
      for (const lock of locks) await lock.release();
    }
    await (await lockDirectory(directory.path)).release();
  });

  it('works in a directory whose path is too long for a socket', async () => {
    const path = join(directory.path, 'long'.repeat(50));
    const archive = await open(path);
    expect((await refusalOf(open(path))).message).toContain(`process ${process.pid} on host`);
    await archive.close();
    await (await open(path)).close();
  });

  it('takes no notice of other files beside the locks', async () => {
    await mkdir(join(directory.path, 'lock'), { recursive: true });
    await writeFile(join(directory.path, 'lock', 'notes.txt'), '');
    await writeFile(join(directory.path, 'lock', '1-left-behind.sock'), '');
    await (await open()).close();
  });

  it('writes nothing any more once its lock was removed', async () => {
    const archive = await open();
    const mapping = archive.mapping(PLACES);
    await mapping.commit({ state: mappingState({ scope: 'before' }) });
    await rm(join(directory.path, 'lock'), { recursive: true });
    const refusal = await refusalOf(mapping.commit({ state: mappingState({ scope: 'after' }) }));
    expect(refusal.code).toBe('ARCHIVE_LOCKED');
    expect(refusal.message).toContain('its lock file was removed');
    expect((await refusalOf(mapping.commit({}))).code).toBe('ARCHIVE_LOCKED');
    expect(mapping.state()?.scope).toBe('before');
    await archive.close();
  });
});
