import { afterEach, describe, expect, it } from 'vitest';
import { waitUntil } from '../../kit/servers/wait-until.js';
import type { ScriptedAnswer } from '../../kit/scripted-http-peer.js';
import { ScriptedHttpPeer } from '../../kit/scripted-http-peer.js';
import { canaryStatus, daemonStatus, mappingStatus } from '../admin/fake-control.js';
import { runServer } from '../admin/running-server.js';
import { runCaptured } from './captured-run.js';

const peers: ScriptedHttpPeer[] = [];
afterEach(async () => {
  await Promise.all(peers.splice(0).map((peer) => peer.dispose()));
});

async function answering(answer: ScriptedAnswer): Promise<ScriptedHttpPeer> {
  const peer = await ScriptedHttpPeer.start(() => answer);
  peers.push(peer);
  return peer;
}

const HELD = mappingStatus({
  name: 'services',
  state: 'held',
  inSync: false,
  inSyncSinceMs: undefined,
  pending: { left: 3, right: 1_480 },
  holds: [
    { reason: 'mass-deletion', key: undefined, sinceMs: Date.now() - 125_000, detail: '480 deletions wait' },
    { reason: 'oscillating', key: "it's\x1b[2J", sinceMs: Date.now() - 5_000, detail: 'undone again' },
    { reason: 'oscillating', key: 'app/flag', sinceMs: Date.now() - 5_000, detail: 'undone again' },
  ],
  skipped: [
    { key: 'huge', reason: 'too-large' },
    { key: 'bad\nkey', reason: 'illegal-key' },
  ],
  skippedTotal: 240,
  lastVerifiedAtMs: undefined,
});

const ARRIVED = canaryStatus().arrivals.left;
const LATE_CANARY = canaryStatus({
  arrivals: {
    left: ARRIVED,
    right: { ...ARRIVED, problem: 'no marker has arrived in Consul since noon: it is full' },
  },
});

describe('the exit code of status', () => {
  const connected = { connected: true, address: 'zk1:2181', server: undefined, lastError: undefined };
  const lost = { ...connected, connected: false, lastError: 'refused' };
  it.each([
    ['0 when every mapping is live and in sync', 0, daemonStatus()],
    ['1 when one is held', 1, daemonStatus({ mappings: [mappingStatus(), HELD] })],
    [
      '1 when one is not in sync',
      1,
      daemonStatus({ mappings: [mappingStatus({ inSync: false, inSyncSinceMs: undefined })] }),
    ],
    ['1 when one is paused', 1, daemonStatus({ mappings: [mappingStatus({ state: 'paused' })] })],
    ['1 when one is degraded', 1, daemonStatus({ mappings: [mappingStatus({ state: 'degraded' })] })],
    ['0 when the canary arrives', 0, daemonStatus({ canary: canaryStatus() })],
    ['1 when the canary is late', 1, daemonStatus({ canary: LATE_CANARY })],
    [
      '1 when a store is not connected',
      1,
      daemonStatus({ replicas: { zookeeper: connected, consul: lost } }),
    ],
  ])('is %s', async (_, expected, status) => {
    const { control, url } = await runServer();
    control.current = status;
    const { code, stderr } = await runCaptured(['status', '--admin', url]);
    expect({ code, stderr }).toEqual({ code: expected, stderr: '' });
  });

  it('is 3 when nobody listens there', async () => {
    const { server, url } = await runServer();
    await server.close();
    const { code, stdout, stderr } = await runCaptured(['status', '--admin', url.replace('http://', '')]);
    expect(stderr).toContain(`GET ${url}/api/v1/status: connect ECONNREFUSED`);
    expect(stderr).toContain('Is the daemon running, and is this its admin.listen address?');
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
  });

  it.each<[string, ScriptedAnswer]>([
    ['a page of another program', { body: '<html>hello</html>' }],
    ['JSON of another program', { body: '{"version":"1"}' }],
    ['an error of another program', { status: 404, body: 'not found' }],
    ['a redirect', { status: 302, headers: { location: 'http://127.0.0.1:1/' } }],
    ['something that is no HTTP', { raw: 'SSH-2.0\r\n' }],
    ['a closed connection', 'hang-up'],
    ['half an answer', { truncated: '{"version":"1"}', afterBytes: 5 }],
  ])('is 3 when the answer is %s', async (_, answer) => {
    const peer = await answering(answer);
    const { code, stdout, stderr } = await runCaptured(['status', '--admin', peer.address.href]);
    expect(stderr).toContain('is this its admin.listen address?');
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
  });
});

describe('status for a person', () => {
  it('shows each mapping, what is held with what ends it, and what is left out and why', async () => {
    const { control, url } = await runServer();
    control.current = daemonStatus({ mappings: [mappingStatus(), HELD] });
    const { stdout } = await runCaptured(['status', '--admin', url]);
    const lines = stdout.split('\n');
    expect(lines).toContain('zk-consul-sync 0.1.0, instance default, active, up 1 d');
    expect(lines).toContainEqual(expect.stringMatching(/^config +live +for .* 1,200 +0 +0 +0 of 3 +0 +0 /));
    expect(lines).toContainEqual(
      expect.stringMatching(/^services +held +no +1,200 +3 +1,480 +0 of 3 +3 +240 +never$/),
    );
    expect(lines).toContain('Held: services, mass-deletion');
    expect(lines).toContainEqual(
      expect.stringMatching(/^ {2}the mapping, 2 min \d+ s ago: 480 deletions wait$/),
    );
    expect(lines).toContain(`    zk-consul-sync approve services --admin ${url}`);
    expect(lines).toContain('  services, too-large: 1 entry');
    expect(lines).toContain('    "bad\\nkey"');
    expect(lines).toContain('  services: 238 more that the daemon does not list');
  });

  it('prints no character of a hostile key that a terminal would obey, and a command that a shell takes apart rightly', async () => {
    const { control, url } = await runServer();
    control.current = daemonStatus({ mappings: [HELD] });
    const { stdout } = await runCaptured(['status', '--admin', url]);
    expect(stdout.replaceAll('\n', '')).not.toMatch(/\p{C}/u);
    expect(stdout).toMatch(/^ {2}"it's\\u001b\[2J", \d+ s ago: undone again$/m);
    expect(stdout).toContain(`release services $'it\\'s\\033[2J' --keep consul --admin ${url}\n`);
  });

  it('shows what others changed on the target of a one-way mapping', async () => {
    const { control, url } = await runServer();
    const drifted = [
      { key: 'a', change: 'added' as const },
      { key: 'b\x1b', change: 'changed' as const },
    ];
    control.current = daemonStatus({ mappings: [mappingStatus({ drifted, driftedTotal: 5 })] });
    const { stdout } = await runCaptured(['status', '--admin', url]);
    expect(stdout.slice(stdout.indexOf('Changed by others'))).toBe(
      [
        'Changed by others on the target of a one-way mapping, and left alone:',
        '  config, added: 1 entry',
        '    a',
        '  config, changed: 1 entry',
        '    "b\\u001b"',
        '  config: 3 more that the daemon does not list',
        '',
      ].join('\n'),
    );
  });

  it('shows what keeps a mapping from going on', async () => {
    const { control, url } = await runServer();
    const problem = 'could not write: no permission\x07';
    control.current = daemonStatus({ mappings: [mappingStatus({ state: 'degraded', problem })] });
    const { stdout } = await runCaptured(['status', '--admin', url]);
    expect(stdout).toContain('Tried again by itself:\n  config: could not write: no permission\\u0007\n');
  });

  it('shows why a store is not connected', async () => {
    const { control, url } = await runServer();
    const { replicas } = daemonStatus();
    const lost = {
      connected: false,
      address: 'http://c:8500',
      server: undefined,
      lastError: 'refused\x1b[0m',
    };
    control.current = daemonStatus({ replicas: { ...replicas, consul: lost } });
    const { stdout } = await runCaptured(['status', '--admin', url]);
    expect(stdout).toMatch(/^Consul +NOT CONNECTED +http:\/\/c:8500 +refused\\u001b\[0m$/m);
  });
});

describe('status', () => {
  it('prints with --json what the daemon answered', async () => {
    const { control, url, get } = await runServer();
    control.current = daemonStatus({ mappings: [mappingStatus(), HELD], uptimeSeconds: 5 });
    const { code, stdout } = await runCaptured(['status', '--json', '--admin', url]);
    expect(JSON.parse(stdout)).toEqual((await get('/api/v1/status')).json);
    expect(stdout.trimEnd()).not.toMatch(/\p{C}/u);
    expect(code).toBe(1);
  });

  it('sends no token, since none is asked for', async () => {
    const peer = await answering({ status: 500 });
    const environment = { ZK_CONSUL_SYNC_ADMIN_TOKEN: 'secret-token' };
    await runCaptured(['status', '--admin', peer.address.href], { environment });
    expect(peer.requests).toHaveLength(1);
    expect(peer.requests[0]?.headers).not.toHaveProperty('authorization');
  });

  it('asks below the path of a proxy', async () => {
    const peer = await answering({ status: 500 });
    await runCaptured(['status', '--admin', `${peer.address.href}sync`]);
    expect(peer.requests[0]?.path).toBe('/sync/api/v1/status');
  });

  it('goes on with --watch while the daemon is away, and ends at Ctrl-C with what it saw last', async () => {
    const { control, url, server } = await runServer();
    control.current = daemonStatus({ mappings: [HELD] });
    const interrupt = new AbortController();
    const running = runCaptured(['status', '--watch', '--json', '--admin', url], {
      interrupt: interrupt.signal,
    });
    let asked = 0;
    const { status } = control;
    control.status = () => {
      asked++;
      return status.call(control);
    };
    await waitUntil('the second look', () => asked >= 2);
    await server.close();
    interrupt.abort();
    const { code, stdout } = await running;
    expect(stdout.trimEnd().split('\n').length).toBeGreaterThanOrEqual(2);
    expect(code).toBe(1);
  });
});

describe('the canary in the status', () => {
  async function shown(canary: ReturnType<typeof canaryStatus> | undefined): Promise<string[]> {
    const { control, url } = await runServer();
    control.current = daemonStatus({ canary });
    const { stdout } = await runCaptured(['status', '--admin', url]);
    return stdout.split('\n').filter((line) => line.includes('anary'));
  }

  it.each([
    [
      'how long the last markers took',
      canaryStatus(),
      /^Canary: to Consul 12 ms, .+ ago; to ZooKeeper 12 ms, .+ ago$/,
    ],
    ['why one is late', LATE_CANARY, /^Canary: no marker has arrived in Consul since noon: it is full$/],
    ['that another daemon sends them', canaryStatus({ role: 'standby' }), /^Canary: sent by another daemon$/],
    ['that it rests', canaryStatus({ paused: true }), /^Canary: rests, since every mapping is paused$/],
    [
      'that none has arrived yet',
      canaryStatus({
        arrivals: {
          left: { ...ARRIVED, lagSeconds: undefined, lastSeenAtMs: undefined },
          right: ARRIVED,
        },
      }),
      /; to ZooKeeper none yet$/,
    ],
  ])('says %s', async (_, canary, wanted) => {
    expect(await shown(canary)).toEqual([expect.stringMatching(wanted)]);
  });

  it('is not there where there is none', async () => {
    expect(await shown(undefined)).toEqual([]);
  });
});

describe('what was ordered and is not written', () => {
  it('is told with what is in the way, once it has waited for a while', async () => {
    const { control, url } = await runServer();
    const since = (seconds: number) => Date.now() - seconds * 1_000;
    const waiting = (key: string, seconds: number, why?: string) => ({ key, sinceMs: since(seconds), why });
    const orders = [
      waiting('app/a', 120, 'the mapping is paused'),
      waiting('app/b', 61, 'the mapping is paused'),
      waiting('fresh', 1, 'the mapping is paused'),
      waiting('app/c\x1b[2J', 15),
    ];
    control.current = daemonStatus({ mappings: [mappingStatus({ orders, ordersTotal: 4 })] });
    const { stdout } = await runCaptured(['status', '--admin', url]);
    const [, part = ''] = stdout.split('Ordered, and not written yet');
    expect(part.split('\n').slice(1, 6)).toEqual([
      '  config: the mapping is paused',
      expect.stringMatching(/^ {4}app\/a, 2 min( \d s)? ago$/) as string,
      expect.stringMatching(/^ {4}app\/b, 1 min( \d s)? ago$/) as string,
      '  config: it is tried again',
      expect.stringMatching(/^ {4}.*app\/c.*, 1\d s ago$/) as string,
    ]);
    expect(stdout).not.toContain('fresh');
    expect(part).not.toContain('\x1b');
    control.current = daemonStatus({
      mappings: [mappingStatus({ orders: [waiting('x', 2)], ordersTotal: 1 })],
    });
    expect((await runCaptured(['status', '--admin', url])).stdout).not.toContain('Ordered');
  });
});
