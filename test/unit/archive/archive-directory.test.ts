import { chmod, mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openArchive } from '../../../src/archive/open-archive.js';
import type { SyncError } from '../../../src/ports/errors.js';
import { mappingState } from '../../kit/archive-samples.js';
import { temporaryDirectory } from './temporary-directory.js';
import type { TemporaryDirectory } from './temporary-directory.js';

const JOURNAL = { keepMs: Infinity, maxBytes: 1_000_000 };
const PLACES = { left: '/config', right: 'config/' };

describe('the directory of an archive', () => {
  let directory: TemporaryDirectory;
  let path: string;
  beforeEach(async () => {
    directory = await temporaryDirectory();
    path = join(directory.path, 'a', 'b');
  });
  afterEach(() => directory.remove());

  const open = (): ReturnType<typeof openArchive> => openArchive({ path, journal: JOURNAL });

  async function makeArchive(): Promise<void> {
    const archive = await open();
    await archive.mapping(PLACES).commit({ state: mappingState() });
    await archive.close();
  }

  async function refusal(): Promise<Pick<SyncError, 'code' | 'message'>> {
    const archive = await open().catch((error: unknown) => error as SyncError);
    expect(archive).toHaveProperty('code');
    return archive as SyncError;
  }

  it('is made with its parents, for its owner only', async () => {
    await makeArchive();
    for (const name of ['', 'data', 'lock'])
      expect((await stat(join(path, name))).mode & 0o077, name).toBe(0);
    expect((await stat(join(path, 'data', 'data.mdb'))).mode & 0o077).toBe(0);
    expect(JSON.parse(await readFile(join(path, 'data', 'format.json'), 'utf8'))).toMatchObject({
      version: 3,
    });
  });

  it('may be there, empty, or the root of a file system', async () => {
    await mkdir(join(path, 'lost+found'), { recursive: true });
    await makeArchive();
    expect((await readdir(path)).sort()).toEqual(['data', 'lock', 'lost+found']);
  });

  it('may hold what was left of making an archive', async () => {
    await mkdir(join(path, 'data.new'), { recursive: true });
    await writeFile(join(path, 'data.new', 'data.mdb'), 'half');
    await makeArchive();
    expect((await readdir(path)).sort()).toEqual(['data', 'lock']);
  });

  it('is refused when it holds something else, and left as it is', async () => {
    await mkdir(path, { recursive: true });
    await writeFile(join(path, 'precious.txt'), 'precious');
    const { code, message } = await refusal();
    expect(code).toBe('ARCHIVE_DAMAGED');
    expect(message).toContain(`${path} is not an archive and not empty (it holds precious.txt)`);
    expect(await readdir(path)).toEqual(['precious.txt']);
  });

  it('is refused when it is a file, or below one', async () => {
    path = join(directory.path, 'file');
    await writeFile(path, '');
    expect((await refusal()).code).toBe('ARCHIVE_IO');
    path = join(path, 'below');
    expect((await refusal()).code).toBe('ARCHIVE_IO');
  });

  it('is refused when it can not be written, with what to do', async () => {
    await mkdir(path, { recursive: true });
    await chmod(path, 0o500);
    const { code, message } = await asOrdinaryUser(refusal);
    expect(code).toBe('ARCHIVE_IO');
    expect(message).toContain(`Could not use the directory at ${path}: EACCES: permission denied`);
    expect(message).toContain('belongs to the user of this process (archive.path)');
  });

  it('is refused when a newer version made it', async () => {
    await makeArchive();
    const format = join(path, 'data', 'format.json');
    const newer = (await readFile(format, 'utf8')).replace('"version":3', '"version":4');
    await writeFile(format, newer);
    const { code, message } = await refusal();
    expect(code).toBe('ARCHIVE_NEWER');
    expect(message).toContain('format 4');
    expect(await readFile(format, 'utf8')).toBe(newer);
  });

  it('is refused when a part of it is missing or is not its own', async () => {
    const cases: Readonly<Record<string, () => Promise<void>>> = {
      'format.json is missing': () => rm(join(path, 'data', 'format.json')),
      "format.json is not an archive's": () => writeFile(join(path, 'data', 'format.json'), '{"format":'),
      'format.json names format 0': () =>
        writeFile(join(path, 'data', 'format.json'), '{"format":"zk-consul-sync archive","version":0}'),
      'data.mdb is missing': () => rm(join(path, 'data', 'data.mdb')),
      'cut off': () => writeFile(join(path, 'data', 'data.mdb'), ''),
      'not the meta page it should be': () =>
        writeFile(join(path, 'data', 'data.mdb'), 'garbage '.repeat(10_000)),
    };
    for (const [what, damage] of Object.entries(cases)) {
      path = await mkdtemp(join(directory.path, 'case-'));
      await makeArchive();
      await damage();
      const { code, message } = await refusal();
      expect(code, what).toBe('ARCHIVE_DAMAGED');
      expect(message).toContain(what);
    }
  });

  it('is refused when its data file is a whole one, but of something else', async () => {
    await makeArchive();
    const { open: openLmdb } = await import('lmdb');
    await rm(join(path, 'data', 'data.mdb'));
    const other = openLmdb({
      path: join(path, 'data'),
      pageSize: 8_192,
      encoding: 'binary',
      keyEncoding: 'binary',
      overlappingSync: false,
    });
    await other.close();
    expect(await refusal()).toMatchObject({
      code: 'ARCHIVE_DAMAGED',
      message: expect.stringContaining('not the one of an archive') as string,
    });
  });

  it('is free again after it was refused', async () => {
    await makeArchive();
    const format = join(path, 'data', 'format.json');
    const text = await readFile(format);
    await rm(format);
    await refusal();
    await writeFile(format, text);
    await makeArchive();
  });
});

/** Root may write everywhere. */
async function asOrdinaryUser<T>(action: () => Promise<T>): Promise<T> {
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.(65_534);
  try {
    return await action();
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
}
