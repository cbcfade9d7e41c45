import type { FastifyRequest } from 'fastify';
import { changesJson, historyJson } from './activity-json.js';
import { MAPPING, mappingOf } from './mapping-request.js';
import type { AdminRoute, RouteContext } from './route.js';

/** What a mapping did of late, as it is kept in memory. */
export function activityRoutes({ control, activity }: RouteContext): readonly AdminRoute[] {
  const activityOf = (request: FastifyRequest) => activity.forMapping(mappingOf(control, request).name);
  return [
    {
      method: 'GET',
      path: `${MAPPING}/history`,
      access: 'read',
      summary: 'writes per second, lag and pending entries over the last hour, every 10 s',
      handle: (request) => historyJson(activityOf(request).samples),
    },
    {
      method: 'GET',
      path: `${MAPPING}/changes`,
      access: 'trusted',
      summary: 'the last 100 writes, newest first: key, side, cause and result',
      handle: (request) => changesJson(activityOf(request).changes),
    },
  ];
}
