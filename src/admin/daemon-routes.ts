import type { AdminRoute, RouteContext } from './route.js';
import { readinessJson, statusJson } from './status-json.js';

/** What is asked about the daemon as a whole. */
export function daemonRoutes({ control, metrics }: RouteContext): readonly AdminRoute[] {
  return [
    {
      method: 'GET',
      path: '/metrics',
      access: 'open',
      summary: 'metrics for Prometheus',
      handle: async (_request, reply) => {
        const { contentType, text } = await metrics.expose(control.status());
        return reply.type(contentType).send(text);
      },
    },
    {
      method: 'GET',
      path: '/livez',
      access: 'open',
      summary: '200 while the loops turn; if not, a restart may help',
      handle: (_request, reply) => {
        const alive = control.alive();
        return reply.code(alive ? 200 : 503).send({ alive });
      },
    },
    {
      method: 'GET',
      path: '/readyz',
      access: 'open',
      summary: '200 once everything was reconciled or is held, and both stores are connected',
      handle: (_request, reply) => {
        const readiness = readinessJson(control.status());
        return reply.code(readiness.ready ? 200 : 503).send(readiness);
      },
    },
    {
      method: 'GET',
      path: '/api/v1/status',
      access: 'read',
      summary: 'the daemon, its stores and its mappings',
      handle: () => statusJson(control.status()),
    },
  ];
}

/** `GET /api`: says what there is. */
export function indexRoute({ control }: RouteContext, others: readonly AdminRoute[]): AdminRoute {
  return {
    method: 'GET',
    path: '/api',
    access: 'read',
    summary: 'this list',
    handle: (_request, reply) => {
      const { version, instance } = control.status();
      const lines = others.map(({ method, path, summary }) => `${method.padEnd(4)} ${path}\n     ${summary}`);
      return reply
        .type('text/plain; charset=utf-8')
        .send([`zk-consul-sync ${version}, instance ${instance}`, ...lines, ''].join('\n'));
    },
  };
}
