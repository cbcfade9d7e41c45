import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { Metrics } from '../../../src/admin/metrics.js';
import { startAdminServer } from '../../../src/admin/server.js';
import type { AdminServer } from '../../../src/admin/server.js';
import { SyncError } from '../../../src/ports/errors.js';
import type { Logger } from '../../../src/ports/logger.js';
import { parseExposition } from './exposition.js';
import { daemonStatus, FakeControl, journalEntry, mappingStatus } from './fake-control.js';
import { RecordingLogger } from './recording-logger.js';

const TOKEN = 'a-token-of-the-test';
const servers: AdminServer[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function start(
  options: { host?: string; token?: string; controlTimeoutMs?: number; port?: number } = {},
) {
  const { host = '127.0.0.1', port = 0, token, controlTimeoutMs } = options;
  const control = new FakeControl();
  const metrics = new Metrics();
  const logger = new RecordingLogger();
  const server = await startAdminServer({
    listen: { host, port },
    token,
    control,
    metrics,
    logger,
    ...(controlTimeoutMs !== undefined && { controlTimeoutMs }),
  });
  servers.push(server);
  const url = server.address.replace('0.0.0.0', '127.0.0.1');
  return { control, metrics, logger, server, url, ...clientOf(url) };
}
