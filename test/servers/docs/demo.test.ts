import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const DEMO = new URL('../../demo/demo.ts', import.meta.url);
const run = promisify(execFile);

it('the demo shows its scenes between real servers, verifies every claim in the stores, and ends with 0', async () => {
  const { stdout } = await run(process.execPath, ['--import', 'tsx', DEMO.pathname, '--once'], {
    timeout: 240_000,
  });
  expect(stdout).toMatch(/^All \d+ claims above were verified in the stores/m);
  expect(stdout).toContain('A mass deletion is held until a person approves it');
}, 300_000);
