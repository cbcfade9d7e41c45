import { z } from 'zod';
import { cutoverJson } from './cutover-json.js';
import { cutoverStepOf } from './cutover-names.js';
import { changeRoute, MAPPING, mappingOf } from './mapping-request.js';
import { parseInput } from './route.js';
import type { AdminRoute, RouteContext } from './route.js';

const DAY_MS = 24 * 3_600_000;
/** As long as clients' changes are counted. */
const QUIET_MS_MAX = 7 * DAY_MS;

const quietForMs = z.coerce.number().int().min(0).max(QUIET_MS_MAX).default(DAY_MS);
const cutoverQuery = z.strictObject({ compare: z.enum(['true', 'false']).default('true'), quietForMs });
const cutoverBody = z.strictObject({
  step: z.enum(['both', 'consul-leads', 'zookeeper-mirror']),
  quietForMs,
  despiteWriters: z.boolean().default(false),
});

/** How far a mapping is on its way to Consul, and its next step. */
export function cutoverRoutes(context: RouteContext): readonly AdminRoute[] {
  const { control, reads } = context;
  return [
    {
      method: 'GET',
      path: `${MAPPING}/cutover`,
      access: 'trusted',
      summary: 'what speaks for and against the next step to Consul; ?compare=false &quietForMs=',
      handle: async (request, reply) => {
        const { name, mapping } = mappingOf(control, request);
        const query = parseInput(cutoverQuery, request.query, 'query');
        const options = { compare: query.compare === 'true', quietForMs: query.quietForMs };
        return cutoverJson(name, await reads.run(reply.raw, (signal) => mapping.cutover(options, signal)));
      },
    },
    changeRoute(
      context,
      'cutover',
      'takes one step, forwards or back; {"step": STEP, "quietForMs", "despiteWriters"}',
      cutoverBody,
      (mapping, { step, ...rest }, _request, signal) =>
        mapping.moveCutover({ to: cutoverStepOf(step), ...rest }, signal),
    ),
  ];
}
