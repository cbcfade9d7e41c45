import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createLogger } from '../../../src/logging/logger.js';
import { standardOutput } from '../../../src/logging/standard-output.js';

const SETTINGS = { level: 'info', format: 'json' } as const;

it('a full disk under the log fails nobody who logs, the first time or later', () => {
  const fd = openSync('/dev/full', 'w');
  const logger = createLogger(SETTINGS, standardOutput(fd));
  expect(() => writeFileSync(fd, 'x')).toThrow('ENOSPC');
  for (let i = 0; i < 3; i++) expect(() => logger.info({}, 'a line')).not.toThrow();
  closeSync(fd);
});

it('whole lines arrive before the call returns', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'zk-consul-sync-log-'));
  const file = join(directory, 'log');
  const fd = openSync(file, 'w');
  createLogger(SETTINGS, standardOutput(fd)).info({}, 'a line');
  expect(readFileSync(file, 'utf8')).toMatch(/^\{.*"msg":"a line"\}\n$/);
  closeSync(fd);
  await rm(directory, { recursive: true });
});
