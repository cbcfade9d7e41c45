import { describe, expect, it } from 'vitest';
import { LagHistogram } from '../../../src/admin/lag-histogram.js';
import { Metrics } from '../../../src/admin/metrics.js';
import { RecentActivity } from '../../../src/admin/recent-activity.js';
import { SimClock } from '../../kit/memory-store/sim-clock.js';
import { daemonStatus, mappingStatus, writtenEntry } from './fake-control.js';

async function runActivity(ms: number, during: (activity: RecentActivity) => void = () => undefined) {
  const clock = new SimClock();
  const activity = new RecentActivity(clock);
  const ending = new AbortController();
  activity.forMapping('config');
  const running = activity.run(() => [mappingStatus({ pending: { left: 3, right: 5 } })], ending.signal);
  during(activity);
  await clock.advance(ms);
  ending.abort();
  await running;
  return activity.forMapping('config');
}

describe('the recent activity of a mapping', () => {
  it('has writes per side, lag and pending entries of every 10 s', async () => {
    const mapping = await runActivity(20_000, (activity) => {
      const metrics = activity.forMapping('config').over(new Metrics().forMapping('config'));
      metrics.write('right', 'update', 'applied', 40);
      metrics.write('right', 'update', 'retriable', 7);
      metrics.write('left', 'create', 'applied', 2);
      metrics.propagated('right', 0.02);
    });
    const [first, second] = mapping.samples;
    expect(first).toMatchObject({
      lengthMs: 10_000,
      writes: { left: 2, right: 40 },
      lag: { left: undefined, right: { maxMs: 20 } },
      pending: { left: 3, right: 5 },
    });
    expect(second).toMatchObject({ writes: { left: 0, right: 0 }, lag: { right: undefined } });
  });

  it('is kept for an hour, the oldest first (S9)', async () => {
    const { samples } = await runActivity(2 * 3_600_000);
    expect(samples).toHaveLength(360);
    const times = samples.map(({ atMs }) => atMs);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(times.at(-1)! - times[0]!).toBe(3_590_000);
  });

  it('counts on in the metrics', async () => {
    const metrics = new Metrics();
    await runActivity(0, (activity) => {
      activity.forMapping('config').over(metrics.forMapping('config')).batch('left');
    });
    const { text } = await metrics.expose(daemonStatus());
    expect(text).toMatch(/write_batches_total\{mapping="config",replica="zookeeper"\} 1\n/);
  });

  it('has the last 100 writes, the newest first (S9)', async () => {
    const mapping = await runActivity(0, (activity) => {
      for (let at = 0; at < 250; at++)
        activity.forMapping('config').written([writtenEntry({ key: `k${at}` })]);
    });
    expect(mapping.changes).toHaveLength(100);
    expect(mapping.changes.map(({ key }) => key).slice(0, 2)).toEqual(['k249', 'k248']);
    expect(mapping.changes.at(-1)?.key).toBe('k150');
  });
});

describe('a histogram of lag', () => {
  it('gives quantiles that are at most a fifth too high, and never above the largest', () => {
    const histogram = new LagHistogram();
    for (let ms = 1; ms <= 1_000; ms++) histogram.add(ms);
    const { p50Ms, p99Ms, maxMs } = histogram.take()!;
    expect(p50Ms).toBeGreaterThanOrEqual(500);
    expect(p50Ms).toBeLessThanOrEqual(600);
    expect(p99Ms).toBeGreaterThanOrEqual(990);
    expect(p99Ms).toBeLessThanOrEqual(1_000);
    expect(maxMs).toBe(1_000);
  });

  it('starts anew when it was taken, and has nothing to say of nothing', () => {
    const histogram = new LagHistogram();
    histogram.add(10_000_000);
    expect(histogram.take()).toEqual({ p50Ms: 10_000_000, p99Ms: 10_000_000, maxMs: 10_000_000 });
    expect(histogram.take()).toBeUndefined();
  });
});
