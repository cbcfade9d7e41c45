import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { REQUEST_OPERATIONS, REQUEST_RESULTS } from '../../../src/admin/metric-labels.js';
import { Metrics } from '../../../src/admin/metrics.js';
import { canaryStatus, daemonStatus, mappingStatus } from './fake-control.js';
import { parseExposition } from './exposition.js';
import type { DaemonStatus } from '../../../src/ports/status.js';

const PREFIX = 'zk_consul_sync_';

async function exposed(metrics: Metrics, status: DaemonStatus = daemonStatus()) {
  return parseExposition((await metrics.expose(status)).text);
}

/** The metrics of the tables in docs/metrics.md. */
function documentedMetrics(): Map<string, { type: string; labels: string[] }> {
  const text = readFileSync(new URL('../../../docs/metrics.md', import.meta.url), 'utf8');
  const rows = text.matchAll(/^\| `(zk_consul_sync_[a-z_]+)` \| (\w+) \| (.*?) \|/gm);
  return new Map(
    [...rows].map(([, name, type, labels]) => [
      name!,
      { type: type!, labels: [...labels!.matchAll(/`(\w+)`/g)].map(([, label]) => label!).sort() },
    ]),
  );
}

describe('the metrics and their documentation', () => {
  it('name the same metrics, with the same types and labels', async () => {
    const metrics = new Metrics();
    metrics.forMapping('config');
    metrics.forCanary(true);
    metrics.request('consul', 'read', 'ok', 0.1);
    const { types, labels } = await exposed(metrics, daemonStatus({ canary: canaryStatus() }));
    const ours = [...types].filter(([name]) => name.startsWith(PREFIX));
    const actual = new Map(
      ours.map(([name, type]) => [name, { type, labels: [...labels.get(name)!].sort() }]),
    );
    expect(actual).toEqual(documentedMetrics());
    expect(actual.size).toBe(25);
  });

  it('name the same values of the labels that have a fixed set', async () => {
    const text = readFileSync(new URL('../../../docs/metrics.md', import.meta.url), 'utf8');
    const metrics = new Metrics();
    metrics.forMapping('config');
    for (const replica of ['zookeeper', 'consul'] as const) {
      for (const operation of [...REQUEST_OPERATIONS[replica], 'any other']) {
        for (const result of [...REQUEST_RESULTS.keys(), 'any other'])
          metrics.request(replica, operation, result, 0);
      }
    }
    const { values } = await exposed(metrics);
    const fixed = [...values.keys()].filter((series) =>
      /^zk_consul_sync_(?!replica_request_seconds)/.test(series),
    );
    for (const series of fixed) {
      const row = text.split('\n').find((line) => line.includes(`| \`${/^[a-z_]+/.exec(series)![0]}\` |`));
      for (const [, value] of series.matchAll(/(?:state|reason|result|operation)="([^"]*)"/g)) {
        expect(row, series).toContain(`\`${value!}\``);
      }
    }
  });

  it('include those of the process', async () => {
    const { values } = await exposed(new Metrics());
    expect(values.get('process_resident_memory_bytes')).toBeGreaterThan(0);
    expect([...values.keys()].some((series) => series.startsWith('nodejs_eventloop_lag'))).toBe(true);
  });
});

describe('the metrics of a canary', () => {
  it('are there, and at 0, only while there is one', async () => {
    const metrics = new Metrics();
    metrics.forCanary(false);
    const seriesOf = async (status: DaemonStatus) =>
      [...(await exposed(metrics, status)).values].filter(([series]) =>
        /canary_(lag_seconds_count|last)/.test(series),
      );
    expect(await seriesOf(daemonStatus())).toEqual([]);
    metrics.forCanary(true).arrived('right', 0.2);
    const arrival = {
      lagSeconds: undefined,
      lastSeenAtMs: undefined,
      ageSeconds: undefined,
      problem: undefined,
    };
    const standby = canaryStatus({ arrivals: { left: arrival, right: { ...arrival, ageSeconds: 7 } } });
    expect(await seriesOf(daemonStatus({ canary: standby }))).toEqual([
      [`${PREFIX}canary_last_seen_age_seconds{replica="zookeeper"}`, 0],
      [`${PREFIX}canary_last_seen_age_seconds{replica="consul"}`, 7],
      [`${PREFIX}canary_lag_seconds_count{replica="zookeeper"}`, 0],
      [`${PREFIX}canary_lag_seconds_count{replica="consul"}`, 1],
    ]);
    metrics.forCanary(false);
    expect(await seriesOf(daemonStatus())).toEqual([]);
  });
});

describe('the counters of a mapping', () => {
  it('stand at 0 from the start, so that the first event is a rise', async () => {
    const metrics = new Metrics();
    metrics.forMapping('config');
    const { values } = await exposed(metrics);
    const series = (name: string) => [...values].filter(([key]) => key.startsWith(`${PREFIX}${name}{`));
    expect(series('writes_total')).toHaveLength(30);
    expect(series('rescans_total')).toHaveLength(6);
    expect(series('conflicts_total')).toHaveLength(3);
    expect(series('propagation_seconds_count')).toHaveLength(2);
    for (const [, value] of [...series('writes_total'), ...series('propagation_seconds_count')]) {
      expect(value).toBe(0);
    }
  });

  it('call the left side zookeeper and the right side consul', async () => {
    const metrics = new Metrics();
    const config = metrics.forMapping('config');
    config.write('left', 'create', 'applied', 64);
    config.write('right', 'delete', 'condition-failed', 1);
    config.batch('left');
    config.echoes('right', 3);
    config.conflict('left-won');
    config.conflict('right-won');
    config.conflict('right-won');
    config.rescan('reconnect');
    const { values } = await exposed(metrics);
    const count = (series: string) => values.get(PREFIX + series);
    expect(
      count('writes_total{mapping="config",replica="zookeeper",operation="create",result="applied"}'),
    ).toBe(64);
    expect(
      count('writes_total{mapping="config",replica="consul",operation="delete",result="condition-failed"}'),
    ).toBe(1);
    expect(count('write_batches_total{mapping="config",replica="zookeeper"}')).toBe(1);
    expect(count('write_batches_total{mapping="config",replica="consul"}')).toBe(0);
    expect(count('echoes_total{mapping="config",replica="consul"}')).toBe(3);
    expect(count('conflicts_total{mapping="config",result="zookeeper-won"}')).toBe(1);
    expect(count('conflicts_total{mapping="config",result="consul-won"}')).toBe(2);
    expect(count('rescans_total{mapping="config",reason="reconnect"}')).toBe(1);
  });

  it('sort propagation into buckets from 1 ms to 1 minute', async () => {
    const metrics = new Metrics();
    const config = metrics.forMapping('config');
    for (const seconds of [0.0009, 0.004, 59, 61]) config.propagated('right', seconds);
    config.reconciled(0.02);
    const { values } = await exposed(metrics);
    const bucket = (le: string) =>
      values.get(`${PREFIX}propagation_seconds_bucket{le="${le}",mapping="config",replica="consul"}`);
    expect([bucket('0.001'), bucket('0.005'), bucket('60'), bucket('+Inf')]).toEqual([1, 2, 3, 4]);
    expect(values.get(`${PREFIX}reconcile_seconds_count{mapping="config"}`)).toBe(1);
  });

  it('go on counting when the mapping stays over a reload', async () => {
    const metrics = new Metrics();
    metrics.forMapping('config').batch('left');
    metrics.forMapping('config').batch('left');
    const { values } = await exposed(metrics);
    expect(values.get(`${PREFIX}write_batches_total{mapping="config",replica="zookeeper"}`)).toBe(2);
  });

  it('disappear with the mapping, and a loop on its way out does not bring them back', async () => {
    const metrics = new Metrics();
    const gone = metrics.forMapping('gone');
    metrics.forMapping('config').batch('left');
    gone.write('left', 'update', 'applied', 1);
    metrics.removeMapping('gone');
    gone.write('left', 'update', 'applied', 1);
    gone.batch('left');
    gone.echoes('left', 1);
    gone.conflict('held');
    gone.rescan('verify');
    gone.propagated('right', 1);
    gone.reconciled(1);
    const { text } = await metrics.expose(daemonStatus());
    expect(text).not.toContain('"gone"');
    expect(text).toContain('mapping="config"');
  });

  it('start over when a removed mapping comes back', async () => {
    const metrics = new Metrics();
    metrics.forMapping('config').batch('left');
    metrics.removeMapping('config');
    metrics.forMapping('config').batch('left');
    const { values } = await exposed(metrics);
    expect(values.get(`${PREFIX}write_batches_total{mapping="config",replica="zookeeper"}`)).toBe(1);
  });
});

describe('the gauges', () => {
  it('show what the status tells at the moment of the scrape', async () => {
    const status = daemonStatus({
      role: 'standby',
      replicas: {
        ...daemonStatus().replicas,
        consul: { ...daemonStatus().replicas.consul, connected: false },
      },
      mappings: [
        mappingStatus({
          role: 'standby',
          state: 'held',
          observing: true,
          inSync: false,
          entries: 7,
          pending: { left: 2, right: 5 },
          conflicts: { open: 1, total: 9 },
          driftedTotal: 7,
          skippedByReason: new Map([
            ['too-large', 3],
            ['a new reason', 2],
            ['another', 1],
          ]),
        }),
      ],
    });
    const { values } = await exposed(new Metrics(), status);
    const value = (series: string) => values.get(PREFIX + series);
    expect(value('entries{mapping="config"}')).toBe(7);
    expect(value('observing{mapping="config"}')).toBe(1);
    expect(value('pending_entries{mapping="config",replica="zookeeper"}')).toBe(2);
    expect(value('pending_entries{mapping="config",replica="consul"}')).toBe(5);
    expect(value('conflicts_open{mapping="config"}')).toBe(1);
    expect(value('skipped_entries{mapping="config",reason="too-large"}')).toBe(3);
    expect(value('skipped_entries{mapping="config",reason="denied"}')).toBe(0);
    expect(value('drifted_entries{mapping="config"}')).toBe(7);
    expect(value('skipped_entries{mapping="config",reason="other"}')).toBe(3);
    expect(value('in_sync{mapping="config"}')).toBe(0);
    expect(value('replica_connected{replica="zookeeper"}')).toBe(1);
    expect(value('replica_connected{replica="consul"}')).toBe(0);
    expect(value('last_verified_timestamp_seconds{mapping="config"}')).toBe(
      Date.UTC(2026, 0, 31, 11, 59) / 1_000,
    );
    expect(value('leader{mapping="config"}')).toBe(0);
    expect(value(`build_info{version="0.1.0",node="${process.versions.node}"}`)).toBe(1);
  });

  it('have exactly one state at 1', async () => {
    const { values } = await exposed(
      new Metrics(),
      daemonStatus({ mappings: [mappingStatus({ state: 'degraded' })] }),
    );
    const states = [...values].filter(([series]) => series.startsWith(`${PREFIX}mapping_state{`));
    expect(states).toHaveLength(5);
    expect(states.filter(([, value]) => value === 1)).toEqual([
      [`${PREFIX}mapping_state{mapping="config",state="degraded"}`, 1],
    ]);
  });

  it('say 0 for the time of a verification that never was, so that an alert on its age fires', async () => {
    const status = daemonStatus({ mappings: [mappingStatus({ lastVerifiedAtMs: undefined })] });
    const { values } = await exposed(new Metrics(), status);
    expect(values.get(`${PREFIX}last_verified_timestamp_seconds{mapping="config"}`)).toBe(0);
  });

  it('forget a mapping that is no longer in the status', async () => {
    const metrics = new Metrics();
    await exposed(metrics, daemonStatus({ mappings: [mappingStatus({ name: 'gone' })] }));
    const { text } = await metrics.expose(daemonStatus());
    expect(text).not.toContain('"gone"');
  });
});

describe('requests to the stores', () => {
  it('are counted by operation and result, in one vocabulary for both stores', async () => {
    const metrics = new Metrics();
    metrics.request('zookeeper', 'multi', 'lost', 0.2);
    metrics.request('consul', 'write', 'STORE_UNREACHABLE', 0.3);
    const { values } = await exposed(metrics);
    const total = `${PREFIX}replica_requests_total`;
    expect(values.get(`${total}{replica="zookeeper",operation="multi",result="unreachable"}`)).toBe(1);
    expect(values.get(`${total}{replica="consul",operation="write",result="unreachable"}`)).toBe(1);
    expect(values.get(`${PREFIX}replica_request_seconds_sum{replica="consul",operation="write"}`)).toBe(0.3);
  });

  it('S9: 10,000 odd names of operations and results make one more series, not 10,000', async () => {
    const metrics = new Metrics();
    const seriesOf = async () =>
      [...(await exposed(metrics)).values.keys()].filter((series) => series.includes('replica_request'));
    metrics.request('zookeeper', 'multi', 'ok', 0.01);
    const before = (await seriesOf()).length;
    for (let i = 0; i < 10_000; i++) metrics.request('zookeeper', `multi ${i}\n"`, `boom ${i}`, 0.01);
    for (const name of ['__proto__', 'constructor', '']) metrics.request('zookeeper', name, name, 0.01);
    const after = await seriesOf();
    const histogramLines = after.filter((series) => /seconds.*operation="other"/.test(series)).length;
    expect(after).toContain(
      `${PREFIX}replica_requests_total{replica="zookeeper",operation="other",result="other"}`,
    );
    expect(after.length - before).toBe(1 + histogramLines);
  });
});
