import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/load-config.js';
import { exposedFiles, isExposed, isExposedArchive } from '../../../src/daemon/exposed-files.js';

const [OWN, ROOT] = [1000, 0];

describe('who may read a file with a secret', () => {
  it.each<[string, number, number, boolean]>([
    ['this user alone', OWN, 0o600, false],
    ['this user alone, who may not change it', OWN, 0o400, false],
    ["this user's group", OWN, 0o640, true],
    ['everybody', OWN, 0o644, true],
    ['a group that root chose, as mounted secrets of Kubernetes have it', ROOT, 0o440, false],
    ['everybody, of a file of root', ROOT, 0o444, true],
  ])('%s', (_, uid, mode, expected) => {
    expect(isExposed({ uid, mode }, OWN)).toBe(expected);
  });
});

describe('who gets at the archive', () => {
  it.each<[string, number, number, boolean]>([
    ['this user alone', OWN, 0o40700, false],
    ['everybody may look into it', OWN, 0o40755, true],
    ['the root of a volume, which a group may write to', ROOT, 0o42775, false],
    ['a directory of another user where everybody may exchange its files', ROOT, 0o41777, true],
  ])('%s', (_, uid, mode, expected) => {
    expect(isExposedArchive({ uid, mode }, OWN)).toBe(expected);
  });
});

describe('files that are open to others', () => {
  let folder: string;
  const path = (name: string) => join(folder, name);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'exposed-files-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  /** The settings that are noted, with a configuration and its files of these modes. */
  async function noted(modes: { readonly config: number; readonly token: number; readonly archive: number }) {
    await mkdir(path('archive/data'), { recursive: true });
    await writeFile(path('token'), 'token-in-a-file');
    await writeFile(
      path('config.yaml'),
      [
        "zookeeper: { connect: zk, auth: { credentials: 'user:written-here' } }",
        'consul: { tokenFile: token }',
        "admin: { token: '${ADMIN}' }",
        'archive: { path: archive }',
        'mappings: [{ name: a, zookeeper: /a, consul: a }]',
      ].join('\n'),
    );
    await chmod(path('config.yaml'), modes.config);
    await chmod(path('token'), modes.token);
    await chmod(path('archive'), modes.archive);
    await chmod(path('archive/data'), modes.archive);
    const config = await loadConfig(path('config.yaml'), { ADMIN: 'from-the-environment' });
    return await exposedFiles(config, path('config.yaml'));
  }

  it('are none where all belong to this user alone', async () => {
    expect(await noted({ config: 0o600, token: 0o600, archive: 0o700 })).toEqual([]);
  });

  it('are named by their settings, each with what to do, and without the secret', async () => {
    const notes = await noted({ config: 0o644, token: 0o640, archive: 0o755 });
    expect(notes).toEqual([
      {
        path: 'consul.tokenFile',
        message: `${path('token')} holds a secret, and other users have access to it (mode 640): chmod 600 it`,
      },
      {
        path: 'zookeeper.auth.credentials',
        message: expect.stringMatching(/config\.yaml holds a secret.*\(mode 644\)/) as string,
      },
      {
        path: 'archive.path',
        message: expect.stringMatching(/archive belongs to .*mode 755.*chmod 700/) as string,
      },
      {
        path: 'archive.path',
        message: expect.stringMatching(/archive\/data belongs to .*mode 755/) as string,
      },
    ]);
    expect(JSON.stringify(notes)).not.toMatch(/token-in-a-file|written-here|from-the-environment/);
  });

  it('may be the configuration itself only where it has a secret in it', async () => {
    await noted({ config: 0o644, token: 0o600, archive: 0o700 });
    await writeFile(
      path('config.yaml'),
      "zookeeper: { connect: zk }\nconsul: { token: '${TOKEN}' }\nmappings: [{ name: a, zookeeper: /a, consul: a }]\n",
    );
    const config = await loadConfig(path('config.yaml'), { TOKEN: 'from-the-environment' });
    expect(await exposedFiles(config, path('config.yaml'))).toEqual([]);
  });
});
