import { fastify } from 'fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { printableText } from '../core/printable-text.js';
import type { Logger } from '../ports/logger.js';
import type { AccessPolicy } from './access-policy.js';
import { activityRoutes } from './activity-routes.js';
import { allMappingsRoutes } from './all-mappings-routes.js';
import { ApiError, errorAnswer } from './api-error.js';
import { daemonRoutes, indexRoute } from './daemon-routes.js';
import { eventRoutes } from './event-routes.js';
import { isLoopback } from './listen-address.js';
import { mappingRoutes } from './mapping-routes.js';
import { pageRoutes } from './page-routes.js';
import type { AdminRoute, RouteContext } from './route.js';

const CONNECTIONS_MAX = 256;
const BODY_BYTES_MAX = 64 * 1_024;
/** Mappings have names of up to 63 characters. */
const PARAMETER_LENGTH_MAX = 64;
const SHOWN_PATH_LENGTH_MAX = 300;
/** For a request to arrive in full. */
const REQUEST_TIMEOUT_MS = 10_000;
/** How often requests are looked at that have not arrived in full. Node's own 30 s would give them 40. */
const REQUEST_CHECK_EVERY_MS = 2_000;
/** For a connection on which nothing happens; above the longest that a request waits for the daemon. */
const IDLE_TIMEOUT_MS = 60_000;

const RESPONSE_HEADERS = {
  'cache-control': 'no-store',
  // No answer but the status page is one: a browser is to make nothing of it, on its own or inside another page.
  'content-security-policy':
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/** No route has one of Fastify's schemas, whose compilers would be loaded at every start: see `parseInput`. */
const NO_COMPILERS = { buildValidator: noCompiler, buildSerializer: noCompiler };

function noCompiler(): never {
  throw new Error('routes of the admin server have no schemas of Fastify');
}

/** Everything that the server answers; docs/http-api.md describes it. */
export function adminRoutes(context: RouteContext): readonly AdminRoute[] {
  const routes = [
    ...pageRoutes(context),
    ...daemonRoutes(context),
    ...allMappingsRoutes(context),
    ...eventRoutes(context),
    ...mappingRoutes(context),
    ...activityRoutes(context),
  ];
  return [...routes, indexRoute(context, routes)];
}

/** The server without its address: bounds, headers and failures are the same for all routes. */
export function createAdminApp(logger: Logger): FastifyInstance {
  const answerFailure = (error: unknown, reply: FastifyReply) => {
    const { status, body, unforeseen } = errorAnswer(error);
    if (unforeseen) logger.error({ err: error, path: pathOf(reply.request) }, 'An admin request failed.');
    if (status === 401) reply.header('www-authenticate', 'Bearer');
    return reply.code(status).headers(RESPONSE_HEADERS).send(body);
  };
  const app = fastify({
    // Node takes the longer of both times for the body, and its own for headers is 60 s.
    http: { connectionsCheckingInterval: REQUEST_CHECK_EVERY_MS, headersTimeout: REQUEST_TIMEOUT_MS },
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: IDLE_TIMEOUT_MS,
    keepAliveTimeout: IDLE_TIMEOUT_MS,
    forceCloseConnections: 'idle',
    schemaController: { compilersFactory: NO_COMPILERS },
    routerOptions: { maxParamLength: PARAMETER_LENGTH_MAX },
    frameworkErrors: (error, _request, reply) => void answerFailure(error, reply),
  });
  app.server.maxConnections = CONNECTIONS_MAX;
  acceptOnlyJson(app);
  // Keys may hold what a terminal obeys and JSON leaves as it is; somebody will look at them with curl.
  app.setReplySerializer((payload) => printableText(JSON.stringify(payload)));
  app.setErrorHandler((error, _request, reply) => answerFailure(error, reply));
  app.setNotFoundHandler((request) => {
    throw new ApiError('NOT_FOUND', `There is no ${request.method} ${pathOf(request)} here.`);
  });
  return app;
}

/** The body may be left out where nothing is asked in it. */
function acceptOnlyJson(app: FastifyInstance): void {
  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined);
    else void parseJson(request, body, done);
  });
}

export function addRoute(
  app: FastifyInstance,
  route: AdminRoute,
  policy: AccessPolicy,
  logger: Logger,
): void {
  app.route({
    method: route.method,
    url: route.path,
    onRequest: (request, reply, done) => {
      reply.headers(RESPONSE_HEADERS);
      try {
        policy.check(route.access, { headers: request.headers, remoteAddress: request.socket.remoteAddress });
        done();
      } catch (error) {
        if (route.access === 'change') {
          const { code, error: reason } = errorAnswer(error).body;
          logger.warn(
            { path: pathOf(request), remoteAddress: request.ip, code },
            `A change was refused: ${reason}`,
          );
        }
        done(error as Error);
      }
    },
    handler: (request, reply) => route.handle(request, reply),
  });
}

/** Without the query, in which somebody may have put a token. */
function pathOf({ url }: FastifyRequest): string {
  return (url.split('?', 1)[0] ?? '').slice(0, SHOWN_PATH_LENGTH_MAX);
}

/** Whether only programs of this machine can connect. No while it doesn't listen yet. */
export function listensOnLoopback(app: FastifyInstance): boolean {
  const addresses = app.addresses();
  return (
    addresses.length > 0 && addresses.every((bound) => typeof bound === 'object' && isLoopback(bound.address))
  );
}
