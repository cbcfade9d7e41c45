import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/load-config.js';
import { ConfigurationError } from '../../../src/config/problem.js';
import { SyncError } from '../../../src/ports/errors.js';
import { withSections } from './configuration-text.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'zk-consul-sync-config-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

async function messageOf(file: string): Promise<string> {
  const error: unknown = await loadConfig(file, {}).catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(ConfigurationError);
  expect(error).toBeInstanceOf(SyncError);
  return (error as ConfigurationError).problems.map(({ message }) => message).join('\n');
}

describe('loading a configuration file', () => {
  it('reads the files it names beside it, by symbolic links as Kubernetes mounts them', async () => {
    await mkdir(join(directory, '..data'));
    await writeFile(join(directory, '..data', 'config.yaml'), withSections('consul: { tokenFile: token }'));
    await writeFile(join(directory, '..data', 'token'), 'secret\n');
    await symlink(join('..data', 'config.yaml'), join(directory, 'config.yaml'));
    await symlink(join('..data', 'token'), join(directory, 'token'));
    const config = await loadConfig(join(directory, 'config.yaml'), {});
    expect(config.consul.token).toEqual({ kind: 'file', file: join(directory, 'token') });
  });

  it('takes variables from the environment of the process as it is', async () => {
    const file = join(directory, 'config.yaml');
    await writeFile(file, withSections('archive: { path: "${PATH}" }'));
    const config = await loadConfig(file, { ...process.env, PATH: '/from/environment' });
    expect(config.archive.path).toBe('/from/environment');
  });

  it('skips a byte order mark', async () => {
    const file = join(directory, 'config.yaml');
    await writeFile(file, `\ufeff${withSections('')}`);
    await expect(loadConfig(file, {})).resolves.toMatchObject({ instance: 'default' });
  });

  it('fails on a file that is not there, and names it', async () => {
    const file = join(directory, 'missing.yaml');
    expect(await messageOf(file)).toBe("can't be read: no such file");
    await expect(loadConfig(file, {})).rejects.toThrow(`\n${file}: can't be read: no such file`);
  });

  it('fails on a directory', async () => {
    expect(await messageOf(directory)).toBe("can't be read: it is a directory");
  });

  it('fails on a device, which may never end', async () => {
    expect(await messageOf('/dev/zero')).toBe("can't be read: it is no regular file");
  });

  it('fails on what is no text', async () => {
    const file = join(directory, 'config.yaml');
    await writeFile(file, Buffer.from([0x61, 0xff, 0xfe]));
    expect(await messageOf(file)).toBe("can't be read: it is no UTF-8 text");
  });

  it('S9: fails on a file larger than 1 MiB', async () => {
    const file = join(directory, 'config.yaml');
    await writeFile(file, `# ${'x'.repeat(1024 * 1024)}\n${withSections('')}`);
    expect(await messageOf(file)).toBe("can't be read: it is larger than 1 MiB");
  });

  it('S9: fails on a file it names that is larger than 1 MiB', async () => {
    const file = join(directory, 'config.yaml');
    await writeFile(file, withSections('consul: { tokenFile: token }'));
    await writeFile(join(directory, 'token'), 'x'.repeat(1024 * 1024 + 1));
    expect(await messageOf(file)).toContain("the file can't be read: it is larger than 1 MiB");
  });
});
