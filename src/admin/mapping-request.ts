import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { DaemonControl, MappingControl } from '../ports/control.js';
import { ApiError } from './api-error.js';
import { loggedChange } from './logged-change.js';
import { parseInput } from './route.js';
import type { AdminRoute, RouteContext } from './route.js';

export const MAPPING = '/api/v1/mappings/:name';

export const noBody = z.strictObject({});
const mappingPath = z.object({ name: z.string() });

interface Answer {
  readonly message: string;
}

/**
 * A request that changes something about one mapping.
 * @param action below the mapping's path
 * @param change returns what it did, in a sentence; or an answer with that as its `message`
 */
export function changeRoute<Body>(
  { control, changes, logger }: RouteContext,
  action: string,
  summary: string,
  schema: z.ZodType<Body>,
  change: (
    mapping: MappingControl,
    body: Body,
    request: FastifyRequest,
    signal: AbortSignal,
  ) => Promise<string | Answer>,
): AdminRoute {
  return {
    method: 'POST',
    path: `${MAPPING}/${action}`,
    access: 'change',
    summary,
    handle: async (request, reply) => {
      const { name, mapping } = mappingOf(control, request);
      const body = parseInput(schema, request.body ?? {}, 'body');
      const named = action.split('/').at(-1) ?? action;
      const fields = { mapping: name, action: named, remoteAddress: request.ip };
      let answer: Answer = { message: '' };
      const carryOut = (signal: AbortSignal) =>
        loggedChange(logger, fields, async () => {
          const told = await change(mapping, body, request, signal);
          answer = typeof told === 'string' ? { message: told } : told;
          return answer.message;
        });
      await changes.run(reply.raw, carryOut);
      return { mapping: name, action: named, ...answer };
    },
  };
}

/** @throws ApiError `UNKNOWN_MAPPING` */
export function mappingOf(
  control: DaemonControl,
  request: FastifyRequest,
): { name: string; mapping: MappingControl } {
  const { name } = parseInput(mappingPath, request.params, 'path');
  const mapping = control.mapping(name);
  if (mapping === undefined) throw unknownMapping(control, name);
  return { name, mapping };
}

export function unknownMapping(control: DaemonControl, name: string): ApiError {
  const names = control.status().mappings.map((mapping) => mapping.name);
  const hint = `The configured mappings are: ${names.join(', ')}.`;
  return new ApiError('UNKNOWN_MAPPING', `There is no mapping ${JSON.stringify(name)}.`, hint);
}
