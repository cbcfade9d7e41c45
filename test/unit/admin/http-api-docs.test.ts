import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { adminRoutes } from '../../../src/admin/admin-app.js';
import { changesJson, historyJson } from '../../../src/admin/activity-json.js';
import { API_ERRORS } from '../../../src/admin/api-error.js';
import { BoundedCalls } from '../../../src/admin/bounded-calls.js';
import { Metrics } from '../../../src/admin/metrics.js';
import { RecentActivity } from '../../../src/admin/recent-activity.js';
import { StatusFeed } from '../../../src/admin/status-feed.js';
import { systemClock } from '../../../src/daemon/system.js';
import { conflictJson } from '../../../src/admin/conflict-json.js';
import { trashJson } from '../../../src/admin/trash-json.js';
import { statusJson } from '../../../src/admin/status-json.js';
import {
  daemonStatus,
  FakeControl,
  journalEntry,
  mappingStatus,
  trashEntry,
  writtenEntry,
} from './fake-control.js';
import { RecordingLogger } from './recording-logger.js';

const docs = readFileSync(new URL('../../../docs/http-api.md', import.meta.url), 'utf8');

function section(title: string): string {
  const start = docs.indexOf(`\n## ${title}\n`);
  expect(start, `docs/http-api.md has no section ${title}`).toBeGreaterThan(0);
  const end = docs.indexOf('\n## ', start + 1);
  return docs.slice(start, end === -1 ? undefined : end);
}

/** The shape of a JSON value: its keys in order, all the way down; of a list, that of its first element. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(shapeOf);
  if (value === null || typeof value !== 'object') return undefined;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shapeOf(inner)]));
}

function exampleIn(title: string): unknown {
  return JSON.parse(/```json\n(.*?)```/s.exec(section(title))![1]!);
}

describe('docs/http-api.md', () => {
  it('lists every request with who may make it, and no other', () => {
    const calls = new BoundedCalls({ timeoutMs: 1, concurrentMax: 1, closing: new AbortController().signal });
    const routes = adminRoutes({
      control: new FakeControl(),
      metrics: new Metrics(),
      logger: new RecordingLogger(),
      program: new URL('../../../src/', import.meta.url),
      activity: new RecentActivity(systemClock),
      feed: new StatusFeed(() => ({ text: '', essence: '' }), new AbortController().signal),
      refusal: () => undefined,
      reads: calls,
      lists: calls,
      changes: calls,
    });
    const rows = section('Requests').matchAll(/^\| `((?:GET|POST) \S+)` \| (\w+) \|/gm);
    expect([...rows].map(([, request, access]) => [request, access])).toEqual(
      routes.map(({ method, path, access }) => [`${method} ${path}`, access]),
    );
  });

  it('lists every error with its status, and no other', () => {
    const rows = section('Errors').matchAll(/^\| `(\w+)` \| (\d+) \|/gm);
    expect([...rows].map(([, code, status]) => [code, Number(status)])).toEqual(
      Object.entries(API_ERRORS).map(([code, { status }]) => [code, status]),
    );
  });

  it('shows the status as it is', () => {
    const hold = { reason: 'oscillating', key: 'db/host', sinceMs: 0, detail: '' };
    const mapping = mappingStatus({ holds: [hold], skipped: [{ key: 'huge', reason: 'too-large' }] });
    const audit = { file: '/var/log/audit.log', problem: undefined, lost: 0 };
    expect(shapeOf(exampleIn('Status'))).toEqual(
      shapeOf(statusJson(daemonStatus({ mappings: [mapping], audit }))),
    );
  });

  it('shows the history as it is', () => {
    const lag = { left: undefined, right: { p50Ms: 1, p99Ms: 1, maxMs: 1 } };
    const none = { left: 0, right: 0 };
    const sample = { atMs: 0, lengthMs: 10_000, writes: none, lag, pending: none };
    expect(shapeOf(exampleIn('History'))).toEqual(shapeOf(historyJson([sample])));
  });

  it('shows the changes as they are', () => {
    expect(shapeOf(exampleIn('Changes'))).toEqual(shapeOf(changesJson([writtenEntry()])));
  });

  it('shows a conflict as it is', () => {
    expect(exampleIn('Conflicts')).toMatchObject({ consul: { value: null } });
    expect(shapeOf(exampleIn('Conflicts'))).toEqual(shapeOf(conflictJson(journalEntry())));
  });

  it('shows a deleted value as it is', () => {
    expect(exampleIn('Trash')).toEqual(JSON.parse(JSON.stringify(trashJson(trashEntry()))));
  });
});
