import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AuditFile } from '../../../src/logging/audit-file.js';
import type { AuditedWrite } from '../../../src/ports/audit.js';
import { RecordingLogger } from '../admin/recording-logger.js';

let directory: string;
let logger: RecordingLogger;
const opened: AuditFile[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'zk-consul-sync-audit-'));
  logger = new RecordingLogger();
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((audit) => audit.close()));
  await rm(directory, { recursive: true });
});

function auditTo(file: string | undefined): AuditFile {
  const audit = new AuditFile(file, logger);
  opened.push(audit);
  return audit;
}

function write(key: string): AuditedWrite {
  const version = { modified: 2n ** 60n + 1n, created: 7n, revision: 3 };
  return {
    ...{ atMs: Date.UTC(2026, 0, 31), mapping: 'config', key, replica: 'consul', origin: 'zookeeper' },
    ...{ operation: 'update', reason: 'changed', result: 'ok' },
    before: { version, bytes: 3, digest: 'abc' },
    after: undefined,
  };
}

const keysIn = async (file: string): Promise<string[]> =>
  (await readFile(file, 'utf8').catch(() => ''))
    .split('\n')
    .flatMap((line) => (line === '' ? [] : [(JSON.parse(line) as AuditedWrite).key]));

const holds = (file: string, keys: readonly string[]) =>
  vi.waitFor(async () => expect(await keysIn(file)).toEqual(keys), { timeout: 9_000 });

describe('the audit log', () => {
  it('has one line of JSON for each write, in order, behind what was there before', async () => {
    const file = join(directory, 'audit.log');
    const keys = Array.from({ length: 500 }, (_, at) => `k\n${at}`);
    for (const part of [keys.slice(0, 250), keys.slice(250)]) {
      const audit = new AuditFile(file, logger);
      for (const key of part) audit.written(write(key));
      await audit.close();
    }
    expect(await keysIn(file)).toEqual(keys);
    const [first = ''] = (await readFile(file, 'utf8')).split('\n');
    expect(JSON.parse(first)).toEqual({
      ...{ time: '2026-01-31T00:00:00.000Z', mapping: 'config', key: 'k\n0', replica: 'consul' },
      ...{ origin: 'zookeeper', operation: 'update', reason: 'changed', result: 'ok', after: null },
      before: {
        version: { modified: '1152921504606846977', created: '7', revision: 3 },
        bytes: 3,
        digest: 'abc',
      },
    });
  });

  it('goes on in a new file when it is reopened after the old one was moved away', async () => {
    const [file, moved] = [join(directory, 'audit.log'), join(directory, 'audit.log.1')];
    const audit = auditTo(file);
    audit.written(write('a'));
    await holds(file, ['a']);
    await rename(file, moved);
    audit.written(write('b'));
    await holds(moved, ['a', 'b']);
    audit.reopen();
    audit.written(write('c'));
    await holds(file, ['c']);
    expect(await keysIn(moved)).toEqual(['a', 'b']);
  });

  it('keeps what can not be written, says so once, and writes it when it can', async () => {
    const file = join(directory, 'not-yet', 'audit.log');
    const audit = auditTo(file);
    audit.written(write('a'));
    await vi.waitFor(() => expect(audit.state?.problem).toContain('ENOENT'));
    audit.written(write('b'));
    expect(logger.lines.filter(({ level }) => level === 'error')).toHaveLength(1);
    await mkdir(join(directory, 'not-yet'));
    await holds(file, ['a', 'b']);
    await vi.waitFor(() => expect(audit.state).toEqual({ file, problem: undefined, lost: 0 }));
  });

  it('begins a line of its own behind one that was cut when the process before was killed', async () => {
    const file = join(directory, 'audit.log');
    await writeFile(file, '{"time":"2026-01-31T00:00:00.000Z","mapp');
    const audit = auditTo(file);
    audit.written(write('a'));
    await audit.close();
    const [cut, line = '', end] = (await readFile(file, 'utf8')).split('\n');
    expect([cut?.endsWith('mapp'), (JSON.parse(line) as AuditedWrite).key, end]).toEqual([true, 'a', '']);
  });

  it('tries once more when it is closed', async () => {
    const file = join(directory, 'not-yet', 'audit.log');
    const audit = auditTo(file);
    audit.written(write('a'));
    await vi.waitFor(() => expect(audit.state?.problem).toContain('ENOENT'));
    await mkdir(join(directory, 'not-yet'));
    await audit.close();
    expect(await keysIn(file)).toEqual(['a']);
  });

  it('S9: keeps only so much, and counts what is lost', async () => {
    const audit = auditTo(join(directory, 'missing', 'audit.log'));
    const large = 'x'.repeat(1024 * 1024);
    for (let count = 0; count < 20; count++) audit.written(write(large));
    expect(audit.state?.lost).toBe(13);
    await vi.waitFor(() => expect(audit.state?.problem).toContain('ENOENT'));
    expect(logger.lines.filter(({ message }) => message.includes('lost'))).toHaveLength(1);
  });

  it('can be switched on and off while it runs', async () => {
    const file = join(directory, 'audit.log');
    const audit = auditTo(undefined);
    audit.written(write('before'));
    expect([audit.isOn, audit.state]).toEqual([false, undefined]);
    audit.reopen(file);
    audit.written(write('a'));
    await holds(file, ['a']);
  });
});
