import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DaemonProcess } from '../../kit/daemon/daemon-process.js';
import { Staging } from '../../kit/daemon/staging.js';
import { PrometheusServer } from '../../kit/servers/prometheus-server.js';
import { waitUntil } from '../../kit/servers/wait-until.js';

const DEPLOY = new URL('../../../deploy/', import.meta.url).pathname;

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
  readonly datasource?: { readonly uid: string };
  readonly targets?: ReadonlyArray<{
    readonly refId: string;
    readonly expr: string;
    readonly legendFormat: string;
  }>;
}

interface Dashboard {
  readonly uid: string;
  readonly templating: {
    readonly list: ReadonlyArray<{ readonly name: string; readonly definition?: string }>;
  };
  readonly panels: readonly Panel[];
}

const dashboard = JSON.parse(readFileSync(`${DEPLOY}grafana/zk-consul-sync.json`, 'utf8')) as Dashboard;
const panels = dashboard.panels.filter(({ type }) => type !== 'row');
const queries = panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ refId, expr, legendFormat }) => ({ title, refId, expr, legendFormat })),
);

/** It has series only of what has failed so far. */
const ONLY_IN_TROUBLE = 'Requests that failed';

/** As Grafana would send it, with all mappings chosen. */
function filledIn(expr: string): string {
  const values: Readonly<Record<string, string>> = { job: '.*', mapping: '.*', __rate_interval: '5m' };
  return expr.replaceAll(/\$(\w+)/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`the dashboard has no variable ${name}`);
    return value;
  });
}

describe('the dashboard', () => {
  it('says of each panel what it shows, in which unit, and where it comes from', () => {
    expect(panels.length).toBeGreaterThan(15);
    for (const { title, description, fieldConfig, targets, datasource } of panels) {
      expect([title, title.length, description?.length]).toEqual([
        title,
        expect.any(Number),
        expect.any(Number),
      ]);
      expect(description!.length).toBeGreaterThan(20);
      expect([title, fieldConfig?.defaults.unit]).toEqual([title, expect.stringMatching(/^[a-z]+$/)]);
      expect([title, targets?.length]).not.toEqual([title, 0]);
      expect(datasource?.uid).toBe('${datasource}');
    }
    const titles = dashboard.panels.map(({ title }) => title);
    expect([...new Set(titles)]).toEqual(titles);
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
  });

  it('has no panel that covers another, or leaves the page', () => {
    const cells = new Set<string>();
    for (const { title, gridPos } of dashboard.panels) {
      expect([title, gridPos.x + gridPos.w <= 24]).toEqual([title, true]);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect([title, x, y, cells.has(`${x} ${y}`)]).toEqual([title, x, y, false]);
          cells.add(`${x} ${y}`);
        }
      }
    }
  });

  it('shows every metric of docs/metrics.md', () => {
    const documented = readFileSync(`${DEPLOY}../docs/metrics.md`, 'utf8').matchAll(
      /^\| `(zk_consul_sync_\w+)` \|/gm,
    );
    const all = queries.map(({ expr }) => expr).join('\n');
    const missing = [...documented].map((match) => match[1]!).filter((name) => !all.includes(name));
    expect(missing).toEqual([]);
  });
});

describe('a real Prometheus that scrapes a real daemon at work', () => {
  let staging: Staging;
  let daemon: DaemonProcess;
  let prometheus: PrometheusServer;

  beforeAll(async () => {
    staging = await Staging.start();
    daemon = await staging.startDaemon({ config: { canary: { enabled: true, every: '1s' } } });
    const { host } = new URL(daemon.adminUrl);
    prometheus = await PrometheusServer.start({
      targets: [host],
      ruleFile: `${DEPLOY}prometheus/rules.yaml`,
    });
    await daemon.inSync();
    await prometheus.shows('zk_consul_sync_in_sync', (value) => value === 1);
    await work();
    await prometheus.shows(
      'zk_consul_sync_writes_total{operation="delete", result="applied", replica="consul"}',
      (value) => value > 0,
    );
  });
  afterAll(async () => {
    await prometheus.dispose();
    await staging.dispose();
  });

  /** Something of each kind. */
  async function work(): Promise<void> {
    await staging.zookeeper.create('/config/a', '1');
    await staging.consul.put('config/b', '2');
    await staging.consulHolds('config/a', '1');
    await staging.zookeeperHolds('/config/b', '2');
    await staging.zookeeper.set('/config/a', '3');
    await staging.zookeeper.create('/config/large', Buffer.alloc(600_000));
    await staging.consulHolds('config/a', '3');
    await staging.zookeeper.remove('/config/a');
    await staging.consulHolds('config/a', undefined);
    await waitUntil('the large one to be left out', async () => (await daemon.mapping()).skippedTotal === 1);
  }

  it.each(queries.filter(({ title }) => title !== ONLY_IN_TROUBLE))(
    'answers query $refId of $title with data',
    async ({ expr, legendFormat }) => {
      const samples = await prometheus.query(filledIn(expr));
      expect(samples).not.toEqual([]);
      expect(samples.some(({ value }) => Number.isFinite(Number(value[1])))).toBe(true);
      // What the legend names is there.
      for (const [, label = ''] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
        expect(samples.filter(({ metric }) => metric[label] === undefined)).toEqual([]);
      }
    },
  );

  it('shows what was done', async () => {
    const valueOf = async (title: string, labels: Readonly<Record<string, string>> = {}) => {
      const { expr } = queries.find((query) => query.title === title)!;
      const samples = await prometheus.query(filledIn(expr));
      return samples
        .filter(({ metric }) => Object.entries(labels).every(([name, value]) => metric[name] === value))
        .map(({ value }) => Number(value[1]));
    };
    expect(await valueOf('Mappings out of sync')).toEqual([0]);
    expect(await valueOf('Mappings held')).toEqual([0]);
    expect(await valueOf('State of each mapping')).toEqual([2]);
    expect(await valueOf('Who leads')).toEqual([1]);
    expect(await valueOf('Entries')).toEqual([1]);
    expect(await valueOf('Left out', { reason: 'too-large' })).toEqual([1]);
    expect(await valueOf('Stores connected')).toEqual([1, 1]);
  });

  it('has the values that the variables are chosen from', async () => {
    for (const { definition } of dashboard.templating.list) {
      if (definition === undefined) continue;
      const [, series = '', label = ''] = /^label_values\((.+), (\w+)\)$/.exec(definition) ?? [];
      const matching = new URLSearchParams({ 'match[]': filledIn(series) }).toString();
      expect(await prometheus.get(`label/${label}/values?${matching}`)).toHaveLength(1);
    }
  });

  it('evaluates all alert rules without an error, and finds nothing to alert of in a daemon that is well', async () => {
    interface Rule {
      readonly name: string;
      readonly health: string;
      readonly state: string;
    }
    const rules = async (): Promise<Rule[]> => {
      const { groups } = await prometheus.get<{ groups: ReadonlyArray<{ rules: readonly Rule[] }> }>('rules');
      return groups.flatMap((group) => group.rules);
    };
    // A value that is too large was made above: an hour later it will be told of.
    await prometheus.shows('ALERTS{alertname="ZkConsulSyncEntriesLeftOut"}', (value) => value === 1);
    const evaluated = await waitUntil('the rules to be evaluated', async () => {
      const all = await rules();
      return all.every(({ health }) => health !== 'unknown') && all;
    });
    expect(evaluated.length).toBeGreaterThan(9);
    expect(evaluated.filter(({ health }) => health !== 'ok')).toEqual([]);
    expect(
      evaluated.filter(({ state }) => state !== 'inactive').map(({ name, state }) => [name, state]),
    ).toEqual([['ZkConsulSyncEntriesLeftOut', 'pending']]);
  });

  it('shows, and alerts of, what an operator has paused and what has failed', async () => {
    await daemon.post('pause');
    await prometheus.shows('ALERTS{alertname="ZkConsulSyncPaused"}', (value) => value === 1);
    await staging.consulServer.kill();
    const { expr } = queries.find(({ title }) => title === ONLY_IN_TROUBLE)!;
    await prometheus.shows(`sum(${filledIn(expr)})`, (value) => value > 0);
    await prometheus.shows(
      'ALERTS{alertname="ZkConsulSyncStoreUnreachable", replica="consul"}',
      (value) => value === 1,
    );
  });
});
