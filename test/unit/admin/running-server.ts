import { request } from 'node:http';
import type { ClientRequest, IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import { afterEach } from 'vitest';
import { Metrics } from '../../../src/admin/metrics.js';
import { RecentActivity } from '../../../src/admin/recent-activity.js';
import { startAdminServer } from '../../../src/admin/server.js';
import type { AdminServer } from '../../../src/admin/server.js';
import { systemClock } from '../../../src/daemon/system.js';
import { FakeControl } from './fake-control.js';
import { RecordingLogger } from './recording-logger.js';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body as JSON. */
  readonly json: unknown;
}

export interface SendOptions {
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string;
}

const started: AdminServer[] = [];

afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.close()));
});

/** A server with a fake daemon behind it, closed after the test. It listens on any port of loopback. */
export async function runServer(
  options: { host?: string; port?: number; token?: string; controlTimeoutMs?: number; program?: URL } = {},
) {
  const { host = '127.0.0.1', port = 0, token, controlTimeoutMs, program } = options;
  const control = new FakeControl();
  const metrics = new Metrics();
  const activity = new RecentActivity(systemClock);
  const logger = new RecordingLogger();
  const server = await startAdminServer({
    listen: { host, port },
    token,
    control,
    metrics,
    activity,
    logger,
    ...(controlTimeoutMs !== undefined && { controlTimeoutMs }),
    ...(program !== undefined && { program }),
  });
  started.push(server);
  const url = server.address.replace('0.0.0.0', '127.0.0.1');
  return {
    control,
    metrics,
    activity,
    logger,
    server,
    url,
    get: (path: string, sending?: SendOptions) => send(url, 'GET', path, sending),
    head: (path: string, sending?: SendOptions) => send(url, 'HEAD', path, sending),
    /** As the command line sends it: with a JSON body. */
    post: (path: string, body: unknown = {}, headers: OutgoingHttpHeaders = {}) =>
      send(url, 'POST', path, {
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      }),
    send: (method: string, path: string, sending?: SendOptions) => send(url, method, path, sending),
  };
}

/** Not by `fetch`, which sets or forbids some of the headers that matter here. */
export function send(url: string, method: string, path: string, sending: SendOptions = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = begin(url, method, path, sending);
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text,
          get json(): unknown {
            return JSON.parse(text) as unknown;
          },
        }),
      );
    });
  });
}

/** Sends a request and leaves it to the caller. */
export function begin(url: string, method: string, path: string, sending: SendOptions = {}): ClientRequest {
  const { hostname, port } = new URL(url);
  const outgoing = request({ hostname, port, method, path, headers: sending.headers ?? {}, agent: false });
  outgoing.end(sending.body);
  return outgoing;
}
