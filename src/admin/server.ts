import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { DaemonControl } from '../ports/control.js';
import { SyncError } from '../ports/errors.js';
import type { Logger } from '../ports/logger.js';
import { AccessPolicy } from './access-policy.js';
import type { Access } from './access-policy.js';
import { addRoute, adminRoutes, createAdminApp, listensOnLoopback } from './admin-app.js';
import { BoundedCalls } from './bounded-calls.js';
import { statusEvent } from './event-routes.js';
import { showAddress } from './listen-address.js';
import type { ListenAddress } from './listen-address.js';
import type { Metrics } from './metrics.js';
import type { RecentActivity } from './recent-activity.js';
import { StatusFeed } from './status-feed.js';

export interface AdminServerOptions {
  readonly listen: ListenAddress;
  /** Lets requests in that don't come from this machine. */
  readonly token: string | undefined;
  readonly control: DaemonControl;
  readonly metrics: Metrics;
  readonly activity: RecentActivity;
  readonly logger: Logger;
  /** The folder of the compiled program; of this one by default. */
  readonly program?: URL;
  /** The longest that a request waits for the daemon; 30 s by default. */
  readonly controlTimeoutMs?: number;
}

export interface AdminServer {
  /** The URL of the server, such as `http://127.0.0.1:9464`. */
  readonly address: string;
  /** Stops listening, gives up what still runs, and closes all connections, within 2 s. */
  close(): Promise<void>;
}

const CONTROL_TIMEOUT_MS = 30_000;
const CLOSE_TIMEOUT_MS = 2_000;
const READS_MAX = 8;
/** Each takes some milliseconds of every turn of the event loop, as long as it goes on. */
const LISTS_MAX = 4;
const CHANGES_MAX = 32;

/**
 * Serves health, metrics, status and the operators' commands over HTTP; docs/http-api.md describes it.
 * @throws SyncError `LISTEN_FAILED`
 */
export async function startAdminServer(options: AdminServerOptions): Promise<AdminServer> {
  const { listen, token, control, metrics, activity } = options;
  const { controlTimeoutMs: timeoutMs = CONTROL_TIMEOUT_MS } = options;
  const logger = options.logger.child({ component: 'admin' });
  const app = createAdminApp(logger);
  const closing = new AbortController();
  const policy = new AccessPolicy({
    token,
    listenHost: listen.host,
    listensOnLoopback: () => listensOnLoopback(app),
  });
  const routes = adminRoutes({
    control,
    metrics,
    logger,
    program: options.program ?? new URL('../', import.meta.url),
    activity,
    feed: new StatusFeed(() => statusEvent({ control }), closing.signal),
    refusal: (access, request) => refusalOf(policy, access, request),
    reads: new BoundedCalls({ timeoutMs, concurrentMax: READS_MAX, closing: closing.signal }),
    lists: new BoundedCalls({ timeoutMs, concurrentMax: LISTS_MAX, closing: closing.signal }),
    changes: new BoundedCalls({ timeoutMs, concurrentMax: CHANGES_MAX, closing: closing.signal }),
  });
  for (const route of routes) addRoute(app, route, policy, logger);
  const port = await listenOn(app, listen);
  const address = `http://${showAddress({ host: listen.host, port })}`;
  void activity.run(() => control.status().mappings, closing.signal);
  logger.info({ address }, `The admin server listens on ${address}.`);
  return {
    address,
    close: async () => {
      closing.abort();
      const timer = setTimeout(() => app.server.closeAllConnections(), CLOSE_TIMEOUT_MS);
      await app.close().finally(() => clearTimeout(timer));
    },
  };
}

function refusalOf(policy: AccessPolicy, access: Access, { headers, socket }: FastifyRequest): unknown {
  try {
    policy.check(access, { headers, remoteAddress: socket.remoteAddress });
    return undefined;
  } catch (error) {
    return error;
  }
}

/** Returns the port that is listened on. */
async function listenOn(app: FastifyInstance, { host, port }: ListenAddress): Promise<number> {
  try {
    await app.listen({ host, port });
  } catch (cause) {
    await app.close();
    const where = showAddress({ host, port });
    const message = `the admin server could not listen on ${where} (admin.listen): ${describeCause(cause)}`;
    throw new SyncError('LISTEN_FAILED', message, { cause });
  }
  const bound = app.server.address();
  return bound !== null && typeof bound === 'object' ? bound.port : port;
}

function describeCause(cause: unknown): string {
  const code: unknown = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  switch (code) {
    case 'EADDRINUSE':
      return 'another program listens there. Stop it, or set another port';
    case 'EADDRNOTAVAIL':
      return 'this machine does not have that address. Set one that it has, or 0.0.0.0 for all';
    case 'ENOTFOUND':
      return 'the host is not known here. Set an address instead';
    case 'EACCES':
      return 'this user may not listen on that port. Set one from 1024 on';
    default:
      return cause instanceof Error ? cause.message : String(cause);
  }
}
