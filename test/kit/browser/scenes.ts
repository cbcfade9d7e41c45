import type { JournalEntry } from '../../../src/ports/archive.js';
import type { MappingStatus } from '../../../src/ports/status.js';
import type { WrittenEntry } from '../../../src/ports/written.js';
import { daemonStatus, journalEntry, mappingStatus } from '../../unit/admin/fake-control.js';
import type { StagedPage } from './staged-page.js';

const MINUTE_MS = 60_000;
const SAMPLE_MS = 10_000;
const SAMPLES = 360;

/** One busy, healthy mapping, with a conflict or two behind it. */
export function oneMapping(page: StagedPage, nowMs: number): void {
  page.daemon.current = staged([busyMapping(nowMs)]);
  page.daemon.config.journal = conflicts(nowMs);
  fillActivity(page, 'config', nowMs);
}

/** One mapping that waits for a person. */
export function heldMapping(page: StagedPage, nowMs: number): void {
  oneMapping(page, nowMs);
  page.daemon.current = staged([
    {
      ...busyMapping(nowMs),
      state: 'held',
      inSync: false,
      inSyncSinceMs: undefined,
      pending: { left: 0, right: 412 },
      holds: [
        {
          reason: 'mass-deletion',
          key: undefined,
          sinceMs: nowMs - 4 * MINUTE_MS,
          detail:
            '412 of 1648 entries would be deleted in Consul within 1 h; 25 % may be. They are held back',
        },
        {
          reason: 'oscillating',
          key: 'billing/rate-limit',
          sinceMs: nowMs - 31 * MINUTE_MS,
          detail: 'another program wrote the old value back 8 times',
        },
      ],
    },
  ]);
}

/** Twenty mappings, of which a few are in trouble. */
export function twentyMappings(page: StagedPage, nowMs: number): void {
  const names = [
    ...['accounts', 'billing', 'catalog', 'checkout', 'config', 'edge-routing', 'feature-flags', 'fraud'],
    ...['identity', 'inventory', 'ledger', 'mail', 'notifications', 'orders', 'payments', 'pricing'],
    ...['recommendations', 'search', 'shipping', 'warehouse'],
  ];
  const trouble: Readonly<Record<string, Partial<MappingStatus>>> = {
    orders: {
      state: 'held',
      inSync: false,
      holds: [
        {
          reason: 'rolled-back',
          key: undefined,
          sinceMs: nowMs - 12 * MINUTE_MS,
          detail: 'the ledger in Consul is older than the archive: the store went back to an earlier state',
        },
      ],
    },
    mail: { state: 'paused', inSync: false },
    search: { inSync: false, pending: { left: 12, right: 3_480 } },
    fraud: { role: 'standby', leader: { host: 'sync-2', admin: 'http://sync-2.internal:9464' } },
  };
  const mappings = names.map((name, at) => ({
    ...busyMapping(nowMs),
    ...{ name, entries: 137 * (at + 3), skipped: [], skippedTotal: 0, conflicts: { open: 0, total: at % 4 } },
    ...trouble[name],
  }));
  page.daemon.current = staged(mappings);
  page.daemon.config.journal = conflicts(nowMs);
  for (const name of names) fillActivity(page, name, nowMs);
}

export function noMappings(page: StagedPage): void {
  page.daemon.current = staged([]);
}

function staged(mappings: readonly MappingStatus[]) {
  const { replicas } = daemonStatus();
  return daemonStatus({
    instance: 'production',
    uptimeSeconds: 1_312_400,
    replicas: {
      zookeeper: { ...replicas.zookeeper, address: 'zk1:2181,zk2:2181,zk3:2181' },
      consul: { ...replicas.consul, server: '1.18.2' },
    },
    mappings,
  });
}

function busyMapping(nowMs: number): MappingStatus {
  return mappingStatus({
    entries: 1_648,
    inSyncSinceMs: nowMs - 47 * MINUTE_MS,
    lastVerifiedAtMs: nowMs - 6 * MINUTE_MS,
    conflicts: { open: 0, total: 2 },
    skipped: [
      { key: 'reports/2026-q1.parquet', reason: 'too-large' },
      { key: 'locks/deploy', reason: 'session-bound' },
    ],
    skippedTotal: 2,
  });
}

function conflicts(nowMs: number): readonly JournalEntry[] {
  const encode = (lines: readonly string[]) => new TextEncoder().encode(lines.join('\n'));
  const common = ['service: billing', 'region: eu-west-1', 'timeout: 30s'];
  const side = (lines: readonly string[], minutes: number, modified: bigint) => ({
    value: encode(lines),
    flags: 0n,
    version: { modified, created: modified - 900n, revision: 7 },
    written: { earliestMs: nowMs - minutes * MINUTE_MS - 400, latestMs: nowMs - minutes * MINUTE_MS },
  });
  return [
    journalEntry({
      id: 18,
      atMs: nowMs - 9 * MINUTE_MS,
      key: 'billing/service.yaml',
      winner: 'right',
      sides: {
        left: side([...common, 'retries: 3', 'pool:', '  size: 20'], 10, 4_294_968_822n),
        right: side([...common, 'retries: 5', 'pool:', '  size: 20', '  idle: 4'], 9, 98_114n),
      },
    }),
    journalEntry({ id: 17, atMs: nowMs - 55 * MINUTE_MS, key: 'db/host' }),
  ];
}

/** An hour of daily life: waves of writes, and one burst. */
function fillActivity(page: StagedPage, name: string, nowMs: number): void {
  const activity = page.activity.forMapping(name);
  const metrics = activity.over(page.silentMetrics);
  for (let at = 0; at < SAMPLES; at++) {
    const wave = 1 + Math.sin(at / 23) + 0.5 * Math.sin(at / 5.3);
    const burst = at > 210 && at < 222 ? 45 : 0;
    const counts = {
      left: Math.round(Math.max(0, wave * 9)),
      right: Math.round(Math.max(0, wave * 16)) + burst * 10,
    };
    for (const on of ['left', 'right'] as const) {
      metrics.write(on, 'update', 'applied', counts[on]);
      if (counts[on] > 0)
        metrics.propagated(on, (6 + counts[on] / 12 + 3 * Math.abs(Math.sin(at * 1.7))) / 1_000);
    }
    const pending = { left: 0, right: burst };
    activity.sample(nowMs - (SAMPLES - 1 - at) * SAMPLE_MS, SAMPLE_MS, pending);
  }
  activity.written(lastChanges(nowMs));
}

function lastChanges(nowMs: number): readonly WrittenEntry[] {
  const change = (secondsAgo: number, key: string, rest: Partial<WrittenEntry> = {}): WrittenEntry => ({
    ...{
      key,
      on: 'right',
      operation: 'update',
      cause: 'change',
      sourceVersion: 4_294_968_940n,
      result: 'applied',
    },
    atMs: nowMs - secondsAgo * 1_000,
    ...rest,
  });
  return [
    change(540, 'billing/service.yaml', { on: 'left', cause: 'conflict', sourceVersion: 98_114n }),
    change(131, 'checkout/old-provider', { operation: 'delete', cause: 'deleted', sourceVersion: undefined }),
    change(64, 'feature-flags/new-basket', { operation: 'create' }),
    change(22, 'pricing/vat/ie', { on: 'left', sourceVersion: 98_201n }),
    change(3, 'feature-flags/new-basket'),
  ];
}
