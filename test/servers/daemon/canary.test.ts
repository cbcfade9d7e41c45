import { readFile, rm, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DaemonProcess, StatusAnswer } from '../../kit/daemon/daemon-process.js';
import { Staging } from '../../kit/daemon/staging.js';
import { waitUntil } from '../../kit/servers/wait-until.js';
import { command } from '../cli/command.js';

const CANARY = { enabled: true, every: '1s' };
const FOLDER = 'zk-consul-sync/default/.canary';
const LAG = 'zk_consul_sync_canary_lag_seconds';
const AGE = 'zk_consul_sync_canary_last_seen_age_seconds';
/** A marker that is late, with the second between two of them and a busy machine. */
const LATE = { timeoutMs: 60_000 };

interface Arrival {
  readonly lagSeconds: number | null;
  readonly lastSeenAt: string | null;
  readonly problem: string | null;
}

interface Canary {
  readonly role: string;
  readonly paused: boolean;
  readonly toZookeeper: Arrival;
  readonly toConsul: Arrival;
}

async function canaryOf(daemon: DaemonProcess): Promise<Canary> {
  const { canary } = (await daemon.status()) as StatusAnswer & { readonly canary: Canary | null };
  if (canary === null) throw new Error('there is no canary');
  return canary;
}

const arrived = (daemon: DaemonProcess, replica: 'zookeeper' | 'consul') =>
  daemon.metric(`${LAG}_count`, { replica });

/** Waits until two more markers have arrived on each side: one may have been under way before. */
async function arriving(daemon: DaemonProcess, timeoutMs = 30_000): Promise<void> {
  const before = [await arrived(daemon, 'zookeeper'), await arrived(daemon, 'consul')];
  await waitUntil(
    'markers to arrive on both sides',
    async () => {
      const now = [await arrived(daemon, 'zookeeper'), await arrived(daemon, 'consul')];
      if (now.some((count, side) => count < (before[side] ?? 0) + 2)) {
        throw new Error(
          `${now.join(' and ')} after ${before.join(' and ')}: ${JSON.stringify(await canaryOf(daemon))}`,
        );
      }
      return true;
    },
    { timeoutMs },
  );
}

describe('a canary', () => {
  let staging: Staging;
  let daemon: DaemonProcess;

  beforeAll(async () => {
    staging = await Staging.start();
    await staging.zookeeper.create('/config', '');
    await staging.zookeeper.create('/config/k', 'v');
    // The whole of both stores: the canary's folder must be none of it.
    daemon = await staging.startDaemon({
      mappings: [{ zookeeper: '/', consul: '' }],
      config: { canary: CANARY },
    });
    await daemon.inSync();
  });
  afterAll(() => staging.dispose());

  it('measures in both directions how long a change takes, and writes only in its own folder (S8)', async () => {
    await arriving(daemon);
    const { role, toConsul, toZookeeper } = await canaryOf(daemon);
    expect(role).toBe('active');
    for (const { lagSeconds, problem } of [toConsul, toZookeeper]) {
      expect(lagSeconds).toBeGreaterThan(0);
      expect(lagSeconds).toBeLessThan(20);
      expect(problem).toBeNull();
    }
    expect(await daemon.metric(AGE, { replica: 'consul' })).toBeLessThan(20);
    expect(await staging.zookeeper.listTree(`/${FOLDER}`)).toEqual(
      ['', '/ledger', '/markers', '/markers/from-consul', '/markers/from-zookeeper'].map(
        (path) => `/${FOLDER}${path}`,
      ),
    );
    const keys = (await staging.consul.list('zk-consul-sync/')).map(({ key }) => key);
    expect(keys).toEqual(
      expect.arrayContaining([
        `${FOLDER}/ledger`,
        `${FOLDER}/markers/from-zookeeper`,
        'zk-consul-sync/default/config',
      ]),
    );
    expect(
      (await staging.consul.list(''))
        .map(({ key }) => key)
        .filter((key) => !key.startsWith('zk-consul-sync/')),
    ).toEqual(['config/k']);
  });

  it('is no mapping to anybody: not in the status, the metrics, the comparison or the plan', async () => {
    const { mappings } = await daemon.status();
    expect(mappings).toMatchObject([{ name: 'config', entries: 1, state: 'live', skippedTotal: 0 }]);
    expect(await daemon.metrics()).not.toContain('.canary');
    const diff = await command('diff', '--config', daemon.configFile);
    expect(diff).toMatchObject({ code: 0, stderr: '' });
    expect(diff.stdout).not.toContain('.canary');
    const { stdout } = await command('status', '--admin', daemon.adminUrl);
    expect(stdout).toMatch(/^Canary: to Consul [\d,]+ ms, \d+ s ago; to ZooKeeper [\d,]+ ms, \d+ s ago$/m);
    expect(stdout.match(/canary/gi)).toHaveLength(1);
  });

  it('disturbs no mapping: one of all of Consul, which every marker wakes, finds nothing and carries changes over', async () => {
    const written = await daemon.metric('zk_consul_sync_writes_total');
    await arriving(daemon);
    await daemon.inSync();
    expect(await daemon.metric('zk_consul_sync_writes_total')).toBe(written);
    await staging.consul.put('config/k', 'w');
    await staging.zookeeperHolds('/config/k', 'w');
  });

  it('rests while every mapping is paused, which stops everything', async () => {
    await daemon.post('pause');
    await waitUntil('the canary to rest', async () => (await canaryOf(daemon)).paused);
    // What was under way has come to its end.
    await sleep(2_000);
    const markers = async () =>
      JSON.stringify((await staging.consul.list(`${FOLDER}/`)).map(({ modifyIndex }) => String(modifyIndex)));
    const before = await markers();
    await sleep(5_000);
    expect(await markers()).toBe(before);
    expect(await daemon.metric(AGE)).toBe(0);
    await daemon.post('resume');
    await arriving(daemon);
  });

  it('begins anew by itself when its records are deleted in both stores, and bothers nobody', async () => {
    await staging.consul.deleteTree(`${FOLDER}/`);
    await staging.zookeeper.removeRecursive(`/${FOLDER}`);
    await arriving(daemon, 60_000);
    expect(await daemon.mapping()).toMatchObject({ state: 'live', holds: [] });
  }, 90_000);

  it('tells when a store is stopped and nothing arrives, makes the daemon not unready for it, and goes on after', async () => {
    await staging.consulServer.stop();
    const late = await waitUntil(
      'the canary to be late',
      async () => {
        const canary = await canaryOf(daemon);
        return canary.toConsul.problem !== null && canary.toZookeeper.problem !== null && canary;
      },
      LATE,
    );
    expect(late.toConsul.problem).toMatch(/^no marker has arrived in Consul since 20.+: /);
    expect(late.toZookeeper.problem).toMatch(
      /^no marker has arrived in ZooKeeper since 20.+: none could be written to Consul: /,
    );
    expect(await daemon.metric(AGE, { replica: 'consul' })).toBeGreaterThan(30);
    const { stdout } = await command('status', '--admin', daemon.adminUrl);
    expect(stdout).toContain('Canary: no marker has arrived in Consul since');
    const unready = (await (await fetch(`${daemon.adminUrl}/readyz`)).json()) as {
      missing: string[];
      notes: string[];
    };
    // It is Consul that is missing, and nothing else.
    expect(unready.missing).toEqual([expect.stringMatching(/^Consul at .* is not connected/)]);
    // What a look at Consul came to may have changed since.
    expect(unready.notes).toEqual([
      expect.stringMatching(/^canary: no marker has arrived in ZooKeeper since 20.+: /),
      expect.stringMatching(/^canary: no marker has arrived in Consul since 20.+: /),
    ]);

    await staging.consulServer.start();
    await arriving(daemon, 60_000);
    expect(await (await fetch(`${daemon.adminUrl}/readyz`)).json()).toEqual({
      ready: true,
      missing: [],
      notes: [],
    });
    const log = await daemon.log();
    expect(log).toContain('canary: markers arrive in Consul again');
    // The marker that was under way when Consul went took as long as the outage.
    expect(await daemon.metric(`${LAG}_sum`, { replica: 'consul' })).toBeGreaterThan(25);
  }, 180_000);

  it('is taken up and given up by a reload, with its series', async () => {
    const { configFile } = daemon;
    const text = await readFile(configFile, 'utf8');
    await writeFile(configFile, text.replace('enabled: true', 'enabled: false'));
    daemon.signal('SIGHUP');
    await waitUntil('the canary to be gone', async () => !(await daemon.metrics()).includes(`${LAG}_count{`));
    await expect(canaryOf(daemon)).rejects.toThrow('there is no canary');
    await writeFile(configFile, text);
    daemon.signal('SIGHUP');
    await waitUntil('the canary to be back', async () => (await daemon.metrics()).includes(`${LAG}_count{`));
    await arriving(daemon);
  }, 90_000);

  it('survives a restart, and the loss of the archive', async () => {
    await daemon.stop();
    await rm(daemon.archivePath, { recursive: true });
    await daemon.start();
    await daemon.held('archive-lost');
    await arriving(daemon, 60_000);
    await daemon.post('resync', { from: 'merge' });
    await daemon.inSync();
  }, 120_000);

  it('is looked after by check, and removed by retire', async () => {
    await daemon.stop();
    const check = await command('check', '--config', daemon.configFile);
    expect(check.stdout).toMatch(
      /^ok +canary +\/zk-consul-sync\/default\/\.canary in ZooKeeper may be changed$/m,
    );
    expect(check.stdout).toMatch(
      /^ok +canary +zk-consul-sync\/default\/\.canary\/ in Consul may be read and changed$/m,
    );
    const retired = await command('retire', 'default', '--config', daemon.configFile, '--yes', '--json');
    expect(retired.code).toBe(0);
    expect(await staging.zookeeper.listTree('/zk-consul-sync/default')).toEqual([]);
    expect(await staging.consul.list('zk-consul-sync/')).toEqual([]);
    await staging.consulHolds('config/k', 'w');
  }, 60_000);
});

describe('a canary of two daemons', () => {
  let staging: Staging;
  let daemons: readonly DaemonProcess[];

  beforeAll(async () => {
    staging = await Staging.start({ zookeeper: { tickTimeMs: 500 } });
    await staging.zookeeper.create('/config', '');
    const options = { config: { canary: CANARY, highAvailability: { enabled: true } } };
    daemons = await Promise.all([staging.startDaemon(options), staging.startDaemon(options)]);
  });
  afterAll(() => staging.dispose());

  /** The one that leads the mapping, once it sends the markers, too. */
  async function leader(among: readonly DaemonProcess[]): Promise<DaemonProcess> {
    return waitUntil(
      'one daemon to lead the mapping and the canary',
      async () => {
        for (const daemon of among) {
          const { role } = await daemon.mapping();
          if (role === 'active' && (await canaryOf(daemon)).role === 'active') return daemon;
        }
        throw new Error(JSON.stringify(await Promise.all(among.map((daemon) => daemon.status()))));
      },
      LATE,
    );
  }

  it('is sent by the one that leads a mapping, and taken over with it', async () => {
    const first = await leader(daemons);
    await arriving(first);
    const other = daemons.find((daemon) => daemon !== first)!;
    expect(await canaryOf(other)).toMatchObject({ role: 'standby', toConsul: { problem: null } });
    expect(await other.metric(AGE)).toBe(0);
    const { stdout } = await command('status', '--admin', other.adminUrl);
    expect(stdout).toContain('Canary: sent by another daemon');

    await first.kill();
    expect(await leader([other])).toBe(other);
    await arriving(other, 60_000);
    await first.start();
    await waitUntil('the first one to follow', async () => (await canaryOf(first)).role === 'standby', LATE);
    await arriving(other);
    expect(await arrived(first, 'consul')).toBe(0);
  }, 180_000);
});
