import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import type { DaemonProcess } from '../../kit/daemon/daemon-process.js';
import { Staging } from '../../kit/daemon/staging.js';
import { PrometheusServer } from '../../kit/servers/prometheus-server.js';
import { waitUntil } from '../../kit/servers/wait-until.js';

const RULES = new URL('../../../deploy/prometheus/rules.yaml', import.meta.url).pathname;

interface Rules {
  readonly groups: ReadonlyArray<{
    readonly rules: ReadonlyArray<
      Record<string, unknown> & { readonly alert: string; readonly expr: string }
    >;
  }>;
}

const rules = parse(await readFile(RULES, 'utf8')) as Rules;
const alerts = rules.groups.flatMap((group) => group.rules.map(({ alert }) => alert));

/** The one alert whose question itself is about minutes of trouble. */
const PATIENT = { alert: 'ZkConsulSyncCanaryLate', asks: '> 120', here: '> 40' };

/** Nobody waits for hours here: what an alert waits for is a second. What it asks for stays as it is, but for one. */
function impatient({ groups }: Rules): Rules {
  return {
    groups: groups.map((group) => ({
      ...group,
      rules: group.rules.map((rule) => ({
        ...rule,
        ...('for' in rule && { for: '1s' }),
        ...(rule.alert === PATIENT.alert && { expr: rule.expr.replace(PATIENT.asks, PATIENT.here) }),
      })),
    })),
  };
}

/** One daemon with a mapping for each trouble; another one that nobody can lead. */
const NAMES = ['held', 'conflict', 'left-out', 'paused', 'slow'] as const;
const MAPPINGS = NAMES.map((name) => ({
  name,
  zookeeper: `/${name}`,
  consul: name,
  ...(name === 'conflict' && { conflict: 'hold' }),
}));
const ENTRIES = 20;
/** What the alert for slow changes asks for, and some more. */
const OUTAGE_MS = 35_000;

let staging: Staging;
let directory: string;
let prometheus: PrometheusServer;
let daemon: DaemonProcess;
let leaderless: DaemonProcess;

beforeAll(async () => {
  staging = await Staging.start();
  directory = await mkdtemp(join(tmpdir(), 'zk-consul-sync-alerts-'));
  for (const name of NAMES) {
    for (let entry = 0; entry < ENTRIES; entry++) await staging.zookeeper.create(`/${name}/k${entry}`, 'v');
  }
  daemon = await staging.startDaemon({
    mappings: MAPPINGS,
    config: { canary: { enabled: true, every: '1s' } },
  });
  leaderless = await staging.startDaemon({
    mappings: [{ name: 'leaderless', zookeeper: '/leaderless', consul: 'leaderless' }],
    config: { instance: 'leaderless', highAvailability: { enabled: true } },
  });
  await Promise.all([...NAMES.map((name) => daemon.inSync(name)), leaderless.inSync('leaderless')]);
  const ruleFile = join(directory, 'rules.yaml');
  await writeFile(ruleFile, stringify(impatient(rules)));
  const targets = [daemon, leaderless].map(({ adminUrl }) => new URL(adminUrl).host);
  prometheus = await PrometheusServer.start({ targets, ruleFile });
  await prometheus.shows('zk_consul_sync_in_sync', (value) => value === 1);
}, 120_000);
afterAll(async () => {
  await prometheus.dispose();
  await rm(directory, { recursive: true });
  await staging.dispose();
});

interface Alert {
  readonly state: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

async function firing(): Promise<readonly Alert[]> {
  const { alerts: known } = await prometheus.get<{ alerts: readonly Alert[] }>('alerts');
  return known.filter(({ state }) => state === 'firing');
}

interface AlertCase {
  /** Undefined where the trouble of the case before is its trouble, too. */
  readonly provoke?: () => Promise<unknown>;
  /** That it has to tell. */
  readonly labels: Readonly<Record<string, string>>;
}

/** The trouble that each alert is about, in an order in which none hides another. */
const CASES: Readonly<Record<string, AlertCase>> = {
  ZkConsulSyncHeld: {
    provoke: () => staging.consul.deleteTree('held/'),
    labels: { mapping: 'held', severity: 'page' },
  },
  ZkConsulSyncConflictOpen: {
    provoke: async () => {
      await daemon.post('pause', {}, 'conflict');
      await staging.zookeeper.set('/conflict/k1', 'of zookeeper');
      await staging.consul.put('conflict/k1', 'of consul');
      await daemon.post('resume', {}, 'conflict');
    },
    labels: { mapping: 'conflict' },
  },
  ZkConsulSyncEntriesLeftOut: {
    provoke: () => staging.zookeeper.create('/left-out/large', Buffer.alloc(600_000)),
    labels: { mapping: 'left-out', reason: 'too-large' },
  },
  ZkConsulSyncPaused: {
    provoke: () => daemon.post('pause', {}, 'paused'),
    labels: { mapping: 'paused' },
  },
  ZkConsulSyncNotLed: {
    // Whose turn it is stands in ZooKeeper.
    provoke: () => staging.zookeeperServer.stop(),
    labels: { mapping: 'leaderless' },
  },
  ZkConsulSyncStoreUnreachable: {
    provoke: async () => {
      await staging.zookeeperServer.start();
      await staging.reconnectZooKeeper();
      await leaderless.inSync('leaderless');
      await staging.consulServer.stop();
    },
    labels: { replica: 'consul' },
  },
  ZkConsulSyncOutOfSync: { labels: { mapping: 'slow' } },
  ZkConsulSyncNotVerified: {
    // It never comes to a comparison, without Consul.
    provoke: async () => {
      await daemon.stop();
      await rm(daemon.archivePath, { recursive: true });
      await daemon.start();
    },
    labels: { mapping: 'slow' },
  },
  ZkConsulSyncCanaryLate: { labels: { replica: 'consul' } },
  ZkConsulSyncSlow: {
    provoke: async () => {
      await staging.consulServer.start();
      await daemon.held('archive-lost', 'slow');
      await daemon.post('resync', { from: 'merge' }, 'slow');
      await daemon.inSync('slow');
      await staging.consulServer.pause();
      for (let entry = 0; entry < ENTRIES; entry++) await staging.zookeeper.set(`/slow/k${entry}`, 'late');
      await sleep(OUTAGE_MS);
      staging.consulServer.resume();
      await staging.consulHolds('slow/k0', 'late', 60_000);
    },
    labels: { mapping: 'slow', replica: 'consul' },
  },
  ZkConsulSyncRestarting: {
    provoke: async () => {
      const instance = new URL(daemon.adminUrl).host;
      for (let time = 0; time < 5; time++) {
        await daemon.stop();
        await daemon.start();
        const { pid } = daemon;
        await waitUntil(`the start of ${pid} to be scraped`, async () => {
          const started = Number(/^process_start_time_seconds (\S+)/m.exec(await daemon.metrics())?.[1]);
          const [sample] = await prometheus.query(`process_start_time_seconds{instance="${instance}"}`);
          return Number(sample?.value[1]) === started;
        });
      }
    },
    labels: { severity: 'ticket' },
  },
  ZkConsulSyncOneOfSeveralAbsent: { provoke: () => leaderless.stop(), labels: { severity: 'ticket' } },
  ZkConsulSyncAbsent: {
    provoke: () => daemon.stop(),
    labels: { severity: 'page' },
  },
};

describe('each alert', () => {
  it('has a case here, and there is none for any other', () => {
    expect(Object.keys(CASES).sort()).toEqual([...alerts].sort());
    // What is shortened is there to be shortened.
    const shortened = rules.groups
      .flatMap((group) => group.rules)
      .find(({ alert }) => alert === PATIENT.alert);
    expect(shortened?.expr).toContain(PATIENT.asks);
  });

  it.each(Object.entries(CASES))(
    '%s fires in a real Prometheus when its trouble is real, and says what is wrong',
    async (name, { provoke, labels }) => {
      const wanted = Object.entries({ ...labels, alertname: name });
      const isIt = (alert: Alert): boolean => wanted.every(([label, value]) => alert.labels[label] === value);
      if (provoke !== undefined) {
        expect((await firing()).filter(isIt)).toEqual([]);
        await provoke();
      }
      const found = await waitUntil(
        `${name} to fire`,
        async () => {
          const all = await firing();
          const alert = all.find(isIt);
          if (alert === undefined) throw new Error(JSON.stringify(all.map((one) => one.labels)));
          return alert;
        },
        { timeoutMs: 120_000 },
      );
      // The templates found their labels.
      expect(found.annotations['summary']).not.toMatch(/<no value>|\{\{/);
    },
    240_000,
  );
});
