import { z } from 'zod';
import type { MappingControl } from '../ports/control.js';
import { API_ERRORS, errorAnswer } from './api-error.js';
import type { ErrorBody } from './api-error.js';
import { loggedChange } from './logged-change.js';
import { parseInput } from './route.js';
import type { AdminRoute, RouteContext } from './route.js';

const noBody = z.strictObject({});

/** What came of it for one mapping. */
type MappingResult =
  | { readonly mapping: string; readonly ok: true; readonly message: string }
  | ({ readonly mapping: string; readonly ok: false } & ErrorBody);

/** What is asked of all mappings of the daemon at once: the emergency stop, and its end. */
export function allMappingsRoutes(context: RouteContext): readonly AdminRoute[] {
  return [
    allRoute(context, 'pause', 'stops all writes of all mappings', (mapping) => mapping.pause()),
    allRoute(context, 'resume', 'ends the pause of all mappings', (mapping) => mapping.resume()),
  ];
}

/** One that can't be changed, or does not answer, holds up no other. */
function allRoute(
  { control, changes, logger }: RouteContext,
  action: 'pause' | 'resume',
  summary: string,
  change: (mapping: MappingControl) => Promise<string>,
): AdminRoute {
  return {
    method: 'POST',
    path: `/api/v1/${action}`,
    access: 'change',
    summary,
    handle: async (request, reply) => {
      parseInput(noBody, request.body ?? {}, 'body');
      const all = control.status().mappings.flatMap(({ name }) => {
        const mapping = control.mapping(name);
        return mapping === undefined ? [] : [{ name, mapping }];
      });
      const calls = all.map(({ name, mapping }) => {
        const fields = { mapping: name, action, remoteAddress: request.ip };
        return () => loggedChange(logger, fields, () => change(mapping));
      });
      const outcomes = await changes.runAll(reply.raw, calls);
      const results = outcomes.map((outcome, i) => resultOf(all[i]?.name ?? '', outcome));
      const failed = results.filter(({ ok }) => !ok).length;
      if (failed === 0) return { action, mappings: results };
      const { status, hint } = API_ERRORS.NOT_ALL;
      const error = `${failed} of ${results.length} mappings could not be ${action}d.`;
      return reply.code(status).send({ error, code: 'NOT_ALL', hint, action, mappings: results });
    },
  };
}

function resultOf(mapping: string, outcome: PromiseSettledResult<string>): MappingResult {
  if (outcome.status === 'fulfilled') return { mapping, ok: true, message: outcome.value };
  return { mapping, ok: false, ...errorAnswer(outcome.reason).body };
}
