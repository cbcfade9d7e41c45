import { describe, expect, it } from 'vitest';
import { trashEntry } from '../admin/fake-control.js';
import { runServer } from '../admin/running-server.js';
import { runCaptured } from './captured-run.js';

/** A daemon whose mapping `config` has deleted these, the newest first. */
async function withTrash(keys: readonly string[], answers?: readonly string[]) {
  const server = await runServer();
  server.control.config.deleted = keys.map((key, i) => trashEntry({ id: keys.length - i, key }));
  const options = answers === undefined ? {} : { answers };
  return {
    ...server,
    run: (...args: string[]) => runCaptured(['trash', ...args, '--admin', server.url], options),
    asked: () => server.control.config.calls.filter(([what]) => what === 'restore'),
  };
}

describe('trash list', () => {
  it('shows what was deleted, the newest first, with no character that a terminal obeys', async () => {
    const { run } = await withTrash(['app/b\x1b', 'app/a', 'other']);
    const { code, stdout } = await run('list', 'config', '--folder', 'app', '--limit', '1');
    const rows = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.trim().split(/ {2,}/));
    expect(rows).toEqual([
      ['ID', 'DELETED', 'IN', 'VALUE', 'KEY'],
      ['3', '2026-01-31T11:00:00.000Z', 'consul', '3 B', '"app/b\\u001b"'],
      ['... and more (--limit N, --json)'],
    ]);
    expect(code).toBe(0);
  });

  it('prints all of it as JSON, over as many pages as there are', async () => {
    const keys = Array.from({ length: 1_203 }, (_, i) => `k${i}`);
    const { run } = await withTrash(keys);
    const { stdout } = await run('list', 'config', '--json');
    const answer = JSON.parse(stdout) as { mapping: string; trash: { key: string }[] };
    expect(answer.trash.map(({ key }) => key)).toEqual(keys);
  });

  it('hands spans and times to the daemon as times, and refuses others', async () => {
    const { run, control } = await withTrash(['a']);
    const before = Date.now();
    await run('list', 'config', '--since', '15m', '--until', '2026-01-31T12:00:00+01:00');
    const [, wanted] = control.config.calls.find(([what]) => what === 'trash') ?? [];
    expect(wanted).toMatchObject({ untilMs: Date.UTC(2026, 0, 31, 11) });
    const { sinceMs } = wanted as { sinceMs: number };
    expect(before - sinceMs).toBeGreaterThan(14.9 * 60_000);
    expect(before - sinceMs).toBeLessThan(15.1 * 60_000);
    expect((await run('list', 'config', '--since', 'yesterday')).code).toBe(2);
  });
});

describe('trash show', () => {
  it('shows a value with all that is kept of it', async () => {
    const { run } = await withTrash(['db/host']);
    const { code, stdout } = await run('show', 'config', '1');
    expect(code).toBe(0);
    expect(stdout).toContain('flags    18446744073709551615');
    expect(stdout).toContain('  | db1');
    expect((await run('show', 'config', '9')).stderr).toContain('UNKNOWN_TRASH');
  });
});

describe('trash restore', () => {
  it('shows what would be put back, each entry once, asks, and tells what was left as it is', async () => {
    const { run, asked } = await withTrash(['app/a', 'app/a', 'app/b'], ['y']);
    const { code, stdout, stderr } = await run('restore', 'config', '--folder', 'app');
    expect(stdout.match(/app\/a/g)).toHaveLength(1);
    expect(stderr).toContain('Put 2 entries back on both sides');
    expect(stderr).toContain('left as it is: c: it is there again');
    expect(stdout).toContain('Done: done: restore.');
    expect(asked()).toEqual([['restore', { folder: 'app', sinceMs: undefined, untilMs: undefined }]]);
    expect(code, 'something was left as it is').toBe(1);
  });

  it('changes nothing without a yes, and without a terminal wants --yes', async () => {
    const no = await withTrash(['a'], ['n']);
    expect((await no.run('restore', 'config', 'a')).code).toBe(1);
    expect(no.asked()).toEqual([]);
    const blind = await withTrash(['a']);
    expect((await blind.run('restore', 'config', 'a')).code).toBe(2);
    await blind.run('restore', 'config', 'a', '--yes');
    expect(blind.asked()).toEqual([['restore', { key: 'a' }]]);
  });

  it('wants to know what is meant, by a key or otherwise, and not both', async () => {
    const { run, asked } = await withTrash(['a'], ['y', 'y']);
    expect((await run('restore', 'config', '--yes')).code).toBe(2);
    expect((await run('restore', 'config', 'a', '--folder', 'a', '--yes')).code).toBe(2);
    expect((await run('restore', 'config', 'b', '--yes')).stderr).toContain(
      'nothing of that is in the trash',
    );
    expect(asked()).toEqual([]);
  });
});
