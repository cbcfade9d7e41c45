import { afterEach, describe, expect, it } from 'vitest';
import type { JournalEntry } from '../../../src/ports/archive.js';
import type { ReceivedRequest, ScriptedAnswer } from '../../kit/scripted-http-peer.js';
import { ScriptedHttpPeer } from '../../kit/scripted-http-peer.js';
import { daemonStatus, FakeMapping, journalEntry, mappingStatus } from '../admin/fake-control.js';
import { runServer, send } from '../admin/running-server.js';
import { runCaptured } from './captured-run.js';

const peers: ScriptedHttpPeer[] = [];
afterEach(async () => {
  await Promise.all(peers.splice(0).map((peer) => peer.dispose()));
});

/** A daemon with the mappings `config` and `services`, and these journals. */
async function withJournals(config: readonly JournalEntry[], services: readonly JournalEntry[] = []) {
  const server = await runServer();
  server.control.config.journal = config;
  const other = new FakeMapping();
  other.journal = services;
  server.control.others.set('services', other);
  server.control.current = daemonStatus({
    mappings: ['config', 'services'].map((name) => mappingStatus({ name })),
  });
  return {
    ...server,
    run: (...args: string[]) => runCaptured(['conflicts', ...args, '--admin', server.url]),
  };
}

const conflictOf = (zookeeper: Uint8Array | string | undefined, consul: Uint8Array | string | undefined) => {
  const { left, right } = journalEntry().sides;
  const value = (content: Uint8Array | string | undefined) =>
    typeof content === 'string' ? Buffer.from(content) : content;
  return journalEntry({
    sides: { left: { ...left, value: value(zookeeper) }, right: { ...right, value: value(consul) } },
  });
};

const numbered = (count: number, change: (id: number) => Partial<JournalEntry> = () => ({})) =>
  Array.from({ length: count }, (_, at) => journalEntry({ id: at + 1, ...change(at + 1) }));

describe('conflicts list', () => {
  it('shows the journals of all mappings, newest first, with no character that a terminal obeys', async () => {
    const { run } = await withJournals(
      numbered(2, (id) => ({ key: `key\x1b${id}` })),
      [journalEntry({ id: 9, open: true, winner: undefined, ambiguous: true })],
    );
    const { code, stdout } = await run('list');
    const lines = stdout.trimEnd().split('\n');
    expect(lines.map((line) => line.trim().split(/ {2,}/))).toEqual([
      ['ID', 'MAPPING', 'AT', 'STATE', 'KIND', 'WINNER', 'RULE', 'ZOOKEEPER', 'CONSUL', 'KEY'],
      ...[2, 1].map((id) => [
        String(id),
        'config',
        '2026-01-31T11:00:00.000Z',
        'settled',
        'update-update',
        'zookeeper',
        'last-writer-wins',
        '3 B',
        'deleted',
        `"key\\u001b${id}"`,
      ]),
      [
        '9',
        'services',
        '2026-01-31T11:00:00.000Z',
        'open',
        'update-update',
        'nobody',
        'last-writer-wins, ambiguous',
        '3 B',
        'deleted',
        'db/host',
      ],
    ]);
    expect(code).toBe(0);
  });

  it('shows one mapping, the open ones only, and as many as are asked for', async () => {
    const { run } = await withJournals(
      numbered(20, (id) => ({ open: id % 2 === 0 })),
      numbered(3),
    );
    const { stdout } = await run('list', 'config', '--open', '--limit', '3');
    const ids = [...stdout.matchAll(/^ *(\d+) /gm)].map(([, id]) => Number(id));
    expect(ids).toEqual([20, 18, 16]);
    expect(stdout).toContain('... and more (--limit N, --json)');
    expect((await run('list', 'services', '--limit', '3')).stdout).not.toContain('... and more');
    expect((await run('list', 'services', '--open')).stdout).toBe('No open conflict.\n');
  });

  it('prints all of them with --json, over as many pages as it takes', async () => {
    const { run } = await withJournals(numbered(1_203), numbered(1));
    const { stdout } = await run('list', '--json');
    const { conflicts } = JSON.parse(stdout) as { conflicts: { mapping: string; id: number }[] };
    expect(conflicts).toHaveLength(1_204);
    expect(new Set(conflicts.map(({ mapping, id }) => `${mapping} ${id}`)).size).toBe(1_204);
    expect(conflicts[0]).toMatchObject({ mapping: 'config', id: 1_203, zookeeper: { value: { bytes: 3 } } });
  });

  it('says that a mapping is not there: 2, and no half an object', async () => {
    const { run } = await withJournals([]);
    for (const json of [[], ['--json']]) {
      const { code, stdout, stderr } = await run('list', 'confg', ...json);
      expect(stderr).toContain('config, services');
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    }
  });
});

describe('the id of a conflict', () => {
  const both = () =>
    withJournals(numbered(3), [journalEntry({ id: 3, key: 'other' }), journalEntry({ id: 7 })]);

  it.each([
    [['7']],
    [['services', '7']],
    [['7', '--mapping', 'services']],
    [['services', '7', '--mapping', 'services']],
  ])('is found as %j', async (words) => {
    const { run } = await both();
    const { code, stdout } = await run('show', ...words, '--json');
    expect(JSON.parse(stdout)).toMatchObject({ mapping: 'services', id: 7, key: 'db/host' });
    expect(code).toBe(0);
  });

  it.each<[string[], number, string]>([
    [['3'], 2, 'several mappings have a conflict 3: config (entry db/host), services (entry other)'],
    [['6'], 1, 'has a conflict 6 in its journal'],
    [['config', '7'], 1, 'The journal of mapping config has no conflict 7.'],
    [['config', '7', '--mapping', 'services'], 2, 'two mappings are named'],
    [['config'], 2, '"config" is no id of a conflict'],
    [['0'], 2, '"0" is no id of a conflict'],
    [['1e3'], 2, '"1e3" is no id of a conflict'],
  ])('is told to be wrong or unclear as %j', async (words, expected, message) => {
    const { run } = await both();
    const { code, stdout, stderr } = await run('show', ...words);
    expect(stderr).toContain(message);
    expect({ code, stdout }).toEqual({ code: expected, stdout: '' });
  });
});

describe('conflicts show', () => {
  it('shows what differs between texts, line by line, and when each was written', async () => {
    const lines = Array.from({ length: 30 }, (_, at) => `line ${at + 1}`);
    const changed = lines.with(14, 'line\t15 \x1b[31mof consul');
    const { run } = await withJournals([conflictOf(lines.join('\n'), changed.join('\n'))]);
    const { stdout } = await run('show', 'config', '17');
    expect(stdout).toBe(
      [
        'Conflict 17 of mapping config',
        '  entry   db/host',
        '  at      2026-01-31T11:00:00.000Z',
        '  kind    update-update',
        '  winner  zookeeper, by last-writer-wins',
        '  state   settled',
        '  ZooKeeper  230 bytes  written between 2026-01-31T10:00:00.000Z and 2026-01-31T10:30:00.000Z',
        '  Consul     245 bytes  written before 2026-01-31T10:00:00.000Z',
        '  - only in ZooKeeper',
        '  + only in Consul',
        '  @@ line 12 in ZooKeeper, 12 in Consul @@',
        '   line 12',
        '   line 13',
        '   line 14',
        '  -line 15',
        '  +line\t15 \\u001b[31mof consul',
        '   line 16',
        '   line 17',
        '   line 18',
        '',
      ].join('\n'),
    );
  });

  it('shows bytes that are no text as bytes, of large ones the first', async () => {
    const bytes = Buffer.from([0, 1, 0x41, 0xff]);
    const { run } = await withJournals([conflictOf(bytes, Buffer.alloc(1_000))]);
    const { stdout } = await run('show', '17');
    expect(stdout).toMatch(/ZooKeeper +4 bytes, no text +written/);
    expect(stdout).toMatch(/in ZooKeeper:\n +000000 {2}00 01 41 ff +\.\.A\.\n/);
    expect(stdout).toContain('... and 744 bytes more (--json)');
  });

  it('shows a text whose other side was deleted, and says so', async () => {
    const { run } = await withJournals([conflictOf('db1\n', undefined)]);
    const { stdout } = await run('show', '17');
    expect(stdout).toMatch(/Consul +deleted before 2026/);
    expect(stdout).toContain('in ZooKeeper:\n    db1\n');
  });

  it('shows texts that have nothing in common one below the other, in bounded time and length (S9)', async () => {
    const text = (name: string) => Array.from({ length: 20_000 }, (_, at) => `${name} ${at * 7}`).join('\n');
    const { run } = await withJournals([conflictOf(text('a'), text('b'))]);
    const startedMs = performance.now();
    const { stdout } = await run('show', '17');
    expect(performance.now() - startedMs).toBeLessThan(10_000);
    expect(stdout).toContain('in ZooKeeper:\n    a 0\n');
    expect(stdout).toContain('in Consul:\n    b 0\n');
    expect(stdout).toContain('... and 19,800 more lines (--json)');
  });

  it('prints both values in full with --json', async () => {
    const value = Buffer.from([0, 255, 10]);
    const { run, url } = await withJournals([conflictOf(value, 'text')]);
    const { stdout } = await run('show', '17', '--json');
    const { json } = await send(url, 'GET', '/api/v1/mappings/config/conflicts/17');
    expect(JSON.parse(stdout)).toEqual({ mapping: 'config', ...(json as object) });
    expect(json).toMatchObject({ zookeeper: { value: { base64: value.toString('base64') } } });
  });
});

describe('conflicts resolve', () => {
  /** A daemon that resolves conflicts; everything else is answered by the real server of a fake one. */
  async function resolving(entry: JournalEntry, answer?: ScriptedAnswer) {
    const { url } = await withJournals([entry]);
    const script = async ({ method, path, query }: ReceivedRequest): Promise<ScriptedAnswer> => {
      const done = { mapping: 'config', action: 'resolve', message: 'conflict 17 is resolved' };
      if (method === 'POST') return answer ?? { body: JSON.stringify(done) };
      const { status, text } = await send(url, method, `${path}?${query.toString()}`);
      return { status, body: text };
    };
    const peer = await ScriptedHttpPeer.start(script);
    peers.push(peer);
    const posts = () =>
      peer.requests.flatMap(({ method, path, body }) =>
        method === 'POST' ? [{ path, body: JSON.parse(body.toString()) as unknown }] : [],
      );
    const run = (args: readonly string[], answers?: readonly string[]) =>
      runCaptured(
        ['conflicts', 'resolve', ...args, '--admin', peer.address.href],
        answers === undefined ? {} : { answers },
      );
    return { run, posts };
  }

  it.each([[['17']], [['config', '17']], [['17', '--mapping', 'config']]])(
    '%j shows both values, asks, and has the one that is to be kept written',
    async (words) => {
      const { run, posts } = await resolving(conflictOf('db1', 'db2'));
      const { code, stdout, stderr } = await run([...words, '--keep', 'consul'], ['y']);
      expect(stdout).toMatch(/^ {2}-db1$/m);
      expect(stdout).toMatch(/^ {2}\+db2$/m);
      expect(stderr).toContain('Write what Consul had (3 bytes) to entry db/host on both sides');
      expect(stdout).toContain('Done: conflict 17 is resolved.');
      expect(posts()).toEqual([
        { path: '/api/v1/mappings/config/conflicts/17/resolve', body: { keep: 'consul' } },
      ]);
      expect(code).toBe(0);
    },
  );

  it('says that an entry will be deleted when that is what is kept', async () => {
    const { run, posts } = await resolving(conflictOf('db1', undefined));
    const { code, stderr } = await run(['17', '--keep', 'consul'], ['n']);
    expect(stderr).toContain('Consul had it deleted: delete entry db/host on both sides?');
    expect(posts()).toEqual([]);
    expect(code).toBe(1);
  });

  it('asks for nothing without a terminal and without --yes', async () => {
    const { run, posts } = await resolving(conflictOf('db1', 'db2'));
    expect(await run(['17', '--keep', 'consul'])).toMatchObject({ code: 2, stdout: '' });
    expect(posts()).toEqual([]);
    expect((await run(['17', '--keep', 'consul', '--yes'])).code).toBe(0);
    expect(posts()).toHaveLength(1);
  });

  it('says which side is to be kept has to be named', async () => {
    const { run } = await resolving(conflictOf('db1', 'db2'));
    expect((await run(['17'])).stderr).toContain("required option '--keep <side>' not specified");
    const wrong = await run(['17', '--keep', 'both']);
    expect(wrong.stderr).toContain('Allowed choices are zookeeper, consul');
    expect(wrong.code).toBe(2);
  });

  it('tells why the daemon refused', async () => {
    const body = JSON.stringify({ error: 'entry is gone', code: 'REFUSED', hint: 'Nothing was changed.' });
    const { run } = await resolving(conflictOf('db1', 'db2'), { status: 409, body });
    const { code, stderr } = await run(['17', '--keep', 'consul', '--yes']);
    expect(stderr).toContain('entry is gone (REFUSED) Nothing was changed.');
    expect(code).toBe(1);
  });
});
