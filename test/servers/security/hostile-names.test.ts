import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DaemonProcess } from '../../kit/daemon/daemon-process.js';
import { Staging } from '../../kit/daemon/staging.js';
import { waitUntil } from '../../kit/servers/wait-until.js';
import { command } from '../cli/command.js';
import { HOSTILE_KEYS, HOSTILE_ZNODES, UNSAFE } from './hostile-names.js';

const TOO_LONG = 2_000;
const VALUE = '\x1b[31m<script>\u202e\n\0"';

let staging: Staging;
let json: DaemonProcess;
let pretty: DaemonProcess;

const carried = (keys: readonly string[]) => keys.filter((key) => Buffer.byteLength(key) <= TOO_LONG);
const sides = { mappings: [{ zookeeper: '/config', consul: 'config' }] };

/** Two daemons, one for each log format, which list what they can't carry over, and hold what both sides wrote. */
beforeAll(async () => {
  staging = await Staging.start();
  const { zookeeper, consul } = staging;
  for (const key of HOSTILE_KEYS) await consul.put(`config/${key}`, VALUE);
  for (const name of HOSTILE_ZNODES) await zookeeper.create(`/config/${name}`, VALUE);
  for (const key of carried(HOSTILE_KEYS)) await consul.put(`held/${key}`, VALUE);
  for (const name of carried(HOSTILE_ZNODES)) {
    await zookeeper.create(`/held/${name}`, VALUE);
    await consul.put(`held/${name}`, 'something else');
  }
  json = await staging.startDaemon({ ...sides, config: { log: { level: 'trace' } } });
  pretty = await staging.startDaemon({
    mappings: [{ name: 'held', zookeeper: '/held', consul: 'held', conflict: 'hold' }],
    config: { log: { level: 'trace', format: 'pretty' }, instance: 'other' },
  });
});
afterAll(() => staging.dispose());

/** Lines of text for people, or of JSON: nothing in them but what can be seen. */
function expectHarmless(text: string): void {
  const found = text.split('\n').filter((line) => UNSAFE.test(line));
  expect(found.map((line) => JSON.stringify(line).slice(0, 300))).toEqual([]);
}

describe('hostile names, from both sides at once', () => {
  it('are carried over byte for byte where the other side can have them, and listed where not', async () => {
    await waitUntil(
      'all that can be carried over',
      async () => {
        const { entries, skippedTotal } = await json.mapping();
        expect({ entries, skippedTotal }).toEqual({
          entries: carried(HOSTILE_KEYS).length + carried(HOSTILE_ZNODES).length,
          skippedTotal: HOSTILE_KEYS.length - carried(HOSTILE_KEYS).length + 1,
        });
        return true;
      },
      { timeoutMs: 30_000 },
    );
    for (const name of carried(HOSTILE_ZNODES).filter((name) => !name.startsWith('%2E'))) {
      expect((await staging.consul.get(`config/${name}`))?.value.toString(), JSON.stringify(name)).toBe(
        VALUE,
      );
    }
    const { skipped } = await json.mapping();
    expect(skipped.map(({ reason }) => reason)).toEqual(skipped.map(() => 'illegal-key'));
    // Nothing has left its place: neither in the other store, nor on the disk.
    const roots = await staging.zookeeper.children('/');
    expect(roots).toEqual(['config', 'held', 'zk-consul-sync', 'zookeeper']);
    const prefixes = (await staging.consul.list('')).map(({ key }) => key.split('/')[0]);
    expect([...new Set(prefixes)].sort()).toEqual(['config', 'held', 'zk-consul-sync']);
  });

  it('are held and journaled like any others', async () => {
    const wanted = carried(HOSTILE_ZNODES).filter((name) => !name.startsWith('%2E'));
    await waitUntil(
      'the conflicts',
      async () => (await pretty.mapping('held')).conflicts.open >= wanted.length,
    );
    const { conflicts } = await pretty.get<{ conflicts: { key: string }[] }>('conflicts', 'held');
    expect(conflicts.map(({ key }) => key)).toEqual(expect.arrayContaining(wanted));
  });

  it('break no line of a log in two, and put nothing into it that a terminal would obey', async () => {
    const lines = (await json.log()).trimEnd().split('\n');
    for (const line of lines) expect(() => JSON.parse(line) as unknown, line.slice(0, 200)).not.toThrow();
    expectHarmless(await json.log());
    expect(lines.some((line) => line.includes('<script>'))).toBe(true);
    expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).not.toContain('forged');

    expectHarmless(await pretty.log());
    const strange = (await pretty.log()).trimEnd().split('\n');
    expect(strange.filter((line) => !/^\[\d{4}-\d\d-\d\d |^ {4}|^$/.test(line))).toEqual([]);
  });

  it('are JSON in answers that no browser takes for a page, with the very same keys', async () => {
    for (const [daemon, mapping] of [
      [json, 'config'],
      [pretty, 'held'],
    ] as const) {
      const paths = ['/api/v1/status', ...['', '/conflicts', '/resync?from=merge'].map(ofMapping(mapping))];
      for (const path of paths) {
        const answer = await fetch(`${daemon.adminUrl}${path}`);
        expect(answer.status, path).toBe(200);
        expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
        expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
        expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
        expectHarmless(await answer.text());
      }
    }
    for (const key of carried(HOSTILE_KEYS)) {
      const answer = await fetch(
        `${json.adminUrl}${ofMapping('config')('/explain')}?key=${encodeURIComponent(key)}`,
      );
      expect(answer.status, JSON.stringify(key)).toBe(200);
      const text = await answer.text();
      expectHarmless(text);
      expect(JSON.parse(text)).toMatchObject({ key });
    }
  });

  it('are in no label of a metric', async () => {
    const text = (await json.metrics()) + (await pretty.metrics());
    expectHarmless(text);
    expect(text).not.toMatch(/<script|passwd|\.exe|DROP/);
  });

  it.each(['status', 'diff', 'plan', 'check'])('do no harm on a terminal: %s', async (name) => {
    for (const [daemon, exitCode] of [
      [json, name === 'plan' ? 1 : undefined],
      [pretty, undefined],
    ] as const) {
      for (const options of [[], ['--json']]) {
        const { code, stdout, stderr } = await command(name, ...options, '--config', daemon.configFile);
        expectHarmless(stdout + stderr);
        if (options.length > 0 && stdout !== '') expect(() => JSON.parse(stdout) as unknown).not.toThrow();
        expect(stdout + stderr).not.toContain('unforeseen');
        if (exitCode !== undefined) expect(code).toBe(exitCode);
      }
    }
  });

  it('do no harm on a terminal: explain, of each', async () => {
    const hostile = [...carried(HOSTILE_KEYS), ...carried(HOSTILE_ZNODES)].filter(
      (key) => !key.includes('\0'),
    );
    for (const key of hostile.filter((_, index) => index % 4 === 0)) {
      const { stdout, stderr } = await command('explain', 'config', '--config', json.configFile, '--', key);
      expectHarmless(stdout + stderr);
      expect(stderr, JSON.stringify(key)).toBe('');
    }
  });

  it('do no harm on a terminal: plan, while no daemon has the archive', async () => {
    await json.stop();
    await pretty.stop();
    await staging.consul.put('config/\x1b[2J\u202e', 'new');
    await staging.consul.put('held/\x9b31m', 'new');
    for (const daemon of [json, pretty]) {
      const { code, stdout, stderr } = await command('plan', '--config', daemon.configFile);
      expectHarmless(stdout + stderr);
      expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    }
  });
});

function ofMapping(mapping: string): (path: string) => string {
  return (path) => `/api/v1/mappings/${mapping}${path}`;
}
