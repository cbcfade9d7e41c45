import { describe, expect, it } from 'vitest';
import type { MappingControl } from '../../../src/ports/control.js';
import { FakeMapping, journalEntry } from '../admin/fake-control.js';
import { runServer } from '../admin/running-server.js';
import { runCaptured } from './captured-run.js';

describe('explain asks a running daemon', () => {
  it('and shows both sides, the archive, the decision and the last conflict', async () => {
    const { control, url } = await runServer();
    const mapping: MappingControl = new FakeMapping();
    mapping.explain = (key) =>
      Promise.resolve({
        key,
        zookeeper: { state: 'present', modified: '42', bytes: 3, note: 'a\x1b[2Jb' },
        consul: { state: 'unknown', reason: 'denied' },
        archive: { kind: 'entry', versions: { zookeeper: { modified: '41' }, consul: { modified: '7' } } },
        mark: { kind: 'skip', reason: 'denied', sinceMs: Date.UTC(2026, 0, 31) },
        decision: 'wait',
        why: 'nothing can be concluded now: one side is unknown',
        lastConflict: journalEntry({ key, ambiguous: true }),
      });
    control.mapping = () => mapping;
    const { code, stdout, stderr } = await runCaptured(['explain', 'config', 'a b/c', '--admin', url]);
    expect(stdout.split('\n')).toEqual([
      'Entry "a b/c" of mapping config',
      '  in ZooKeeper    present, modified 42, bytes 3, note a\\u001b[2Jb',
      '  in Consul       unknown, reason denied',
      '  in the archive  entry, versions (zookeeper (modified 41), consul (modified 7))',
      '  marked          skip, reason denied, since 2026-01-31T00:00:00.000Z',
      '  decision        wait',
      '  because         nothing can be concluded now: one side is unknown',
      '  last conflict   #17 at 2026-01-31T11:00:00.000Z, update-update, zookeeper won by last-writer-wins, the times of the writes overlap',
      '',
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('and prints with --json what it answered', async () => {
    const { url, get } = await runServer();
    const { stdout } = await runCaptured(['explain', 'config', 'a/b', '--json', '--admin', url]);
    const answer = (await get('/api/v1/mappings/config/explain?key=a%2Fb')).json as object;
    expect(JSON.parse(stdout)).toEqual({ mapping: 'config', ...answer });
  });

  it.each(['', 'ü/漢', 'a?b&c=d#e', '%2F', ' ', '../..', 'a\nb'])('for exactly the key %j', async (key) => {
    const { control, url } = await runServer();
    await runCaptured(['explain', 'config', key, '--admin', url]);
    expect(control.config.calls).toEqual([['explain', key]]);
  });

  it('with the token of the environment, and is told when it is wrong', async () => {
    const { control, url } = await runServer({ host: '0.0.0.0', token: 'right' });
    const explain = (token: string | undefined) =>
      runCaptured(['explain', 'config', 'a', '--admin', url], {
        environment: token === undefined ? {} : { ZK_CONSUL_SYNC_ADMIN_TOKEN: token },
      });
    expect(await explain('right')).toMatchObject({ code: 0, stderr: '' });
    const wrong = await explain('wrong-token');
    expect(wrong).toMatchObject({ code: 3, stdout: '' });
    expect(wrong.stderr).toContain('TOKEN_WRONG');
    expect(wrong.stderr).not.toContain('wrong-token');
    expect((await explain(undefined)).stderr).toContain('TOKEN_MISSING');
    expect(control.config.calls).toHaveLength(1);
  });

  it('which knows no such mapping: wrong usage', async () => {
    const { url } = await runServer();
    const { code, stdout, stderr } = await runCaptured(['explain', 'nope', 'a', '--admin', url]);
    expect(stderr).toContain('There is no mapping "nope"');
    expect(stderr).toContain('The configured mappings are: config');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });

  it('that fails in a way nobody foresaw: 1, and nothing on standard output', async () => {
    const { control, url } = await runServer();
    const failing = new FakeMapping();
    failing.behaviour = () => Promise.reject(new Error('inner secret'));
    control.mapping = () => failing;
    const { code, stdout, stderr } = await runCaptured(['explain', 'config', 'a', '--admin', url]);
    expect(stderr).toContain('INTERNAL');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  });

  it('and does not look for itself when --admin names a daemon that does not answer', async () => {
    const { code, stderr } = await runCaptured(['explain', 'config', 'a', '--admin', 'http://127.0.0.1:1']);
    expect(stderr).toContain('Is the daemon running');
    expect(code).toBe(3);
  });
});
