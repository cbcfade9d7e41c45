import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { DaemonControl, Explanation, MappingControl, PlanSummary } from '../ports/control.js';
import { ApiError } from './api-error.js';
import { conflictJson, conflictSummaryJson } from './conflict-json.js';
import type { ConflictSummaryJson } from './conflict-json.js';
import { observedJson } from './observed-json.js';
import { parseInput } from './route.js';
import type { AdminRoute, RouteContext } from './route.js';
import { mappingJson } from './status-json.js';

const MAPPING = '/api/v1/mappings/:name';

/** Journal entries come with both values, of up to half a MiB each: only a few are taken into memory at a time. */
const JOURNAL_PAGE = 16;

const mappingPath = z.object({ name: z.string() });
const conflictPath = z.object({ id: z.coerce.number().int().positive() });
const noBody = z.strictObject({});
const keyQuery = z.strictObject({ key: z.string() });
const resyncFrom = z.strictObject({ from: z.enum(['zookeeper', 'consul', 'merge']) });
const releaseBody = z.strictObject({ key: z.string(), keep: z.enum(['zookeeper', 'consul']) });
const conflictsQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(500).default(100),
  before: z.coerce.number().int().positive().optional(),
  open: z.enum(['true', 'false']).default('false'),
});

/** What is asked about one mapping. */
export function mappingRoutes(context: RouteContext): readonly AdminRoute[] {
  return [
    statusRoute(context),
    ...conflictRoutes(context),
    observedRoute(context),
    explainRoute(context),
    previewRoute(context),
    ...changeRoutes(context),
  ];
}

function statusRoute({ control }: RouteContext): AdminRoute {
  return {
    method: 'GET',
    path: MAPPING,
    access: 'read',
    summary: 'the status of one mapping',
    handle: (request) => {
      const { name } = mappingOf(control, request);
      const status = control.status().mappings.find((mapping) => mapping.name === name);
      if (status === undefined) throw unknownMapping(control, name);
      return mappingJson(status);
    },
  };
}

function conflictRoutes({ control }: RouteContext): readonly AdminRoute[] {
  return [
    {
      method: 'GET',
      path: `${MAPPING}/conflicts`,
      access: 'read',
      summary: 'the conflict journal, newest first; ?limit= &before=ID &open=true',
      handle: (request) => {
        const { mapping } = mappingOf(control, request);
        return listConflicts(mapping, parseInput(conflictsQuery, request.query, 'query'));
      },
    },
    {
      method: 'GET',
      path: `${MAPPING}/conflicts/:id`,
      access: 'trusted',
      summary: 'one conflict with both values',
      handle: (request) => {
        const { name, mapping } = mappingOf(control, request);
        const { id } = parseInput(conflictPath, request.params, 'path');
        const entry = mapping.conflict(id);
        if (entry === undefined) {
          throw new ApiError('UNKNOWN_CONFLICT', `The journal of mapping ${name} has no conflict ${id}.`);
        }
        return conflictJson(entry);
      },
    },
  ];
}

function observedRoute({ control }: RouteContext): AdminRoute {
  return {
    method: 'GET',
    path: `${MAPPING}/observed`,
    access: 'read',
    summary: 'what the mapping would have written while it only observed',
    handle: (request) => {
      const { name, mapping } = mappingOf(control, request);
      const { observing, report } = mapping.observed();
      return observedJson(name, observing, report);
    },
  };
}

function explainRoute({ control, reads }: RouteContext): AdminRoute {
  return {
    method: 'GET',
    path: `${MAPPING}/explain`,
    access: 'trusted',
    summary: 'why an entry is as it is; ?key=KEY',
    handle: async (request, reply) => {
      const { mapping } = mappingOf(control, request);
      const { key } = parseInput(keyQuery, request.query, 'query');
      return explanationJson(await reads.run(reply.raw, (signal) => mapping.explain(key, signal)));
    },
  };
}

function previewRoute({ control, reads }: RouteContext): AdminRoute {
  return {
    method: 'GET',
    path: `${MAPPING}/resync`,
    access: 'trusted',
    summary: 'what a resync would do; ?from=zookeeper|consul|merge',
    handle: async (request, reply) => {
      const { mapping } = mappingOf(control, request);
      const { from } = parseInput(resyncFrom, request.query, 'query');
      return planJson(await reads.run(reply.raw, (signal) => mapping.previewResync(from, signal)));
    },
  };
}

function changeRoutes(context: RouteContext): readonly AdminRoute[] {
  return [
    changeRoute(context, 'pause', 'stops all writes of the mapping', noBody, (mapping) => mapping.pause()),
    changeRoute(context, 'resume', 'ends a pause', noBody, (mapping) => mapping.resume()),
    changeRoute(
      context,
      'approve',
      'lets the deletions and overwrites that are held back now pass',
      noBody,
      (mapping) => mapping.approve(),
    ),
    changeRoute(
      context,
      'resync',
      'ends a hold of the mapping; {"from": "zookeeper"|"consul"|"merge"}',
      resyncFrom,
      (mapping, { from }) => mapping.resync(from),
    ),
    changeRoute(
      context,
      'release',
      'ends a hold of an entry; {"key": KEY, "keep": "zookeeper"|"consul"}',
      releaseBody,
      (mapping, { key, keep }) => mapping.release(key, keep),
    ),
  ];
}

function changeRoute<Body>(
  { control, changes, logger }: RouteContext,
  action: string,
  summary: string,
  schema: z.ZodType<Body>,
  change: (mapping: MappingControl, body: Body) => Promise<string>,
): AdminRoute {
  return {
    method: 'POST',
    path: `${MAPPING}/${action}`,
    access: 'change',
    summary,
    handle: async (request, reply) => {
      const { name, mapping } = mappingOf(control, request);
      const body = parseInput(schema, request.body ?? {}, 'body');
      const fields = { mapping: name, action, remoteAddress: request.ip };
      // Logged in here, so that the end of a change that nobody waits for any more is logged too.
      const message = await changes.run(reply.raw, async () => {
        try {
          const done = await change(mapping, body);
          logger.info(fields, `An operator's request was carried out: ${done}`);
          return done;
        } catch (err) {
          logger.warn({ ...fields, err }, "An operator's request failed.");
          throw err;
        }
      });
      return { mapping: name, action, message };
    },
  };
}

function mappingOf(
  control: DaemonControl,
  request: FastifyRequest,
): { name: string; mapping: MappingControl } {
  const { name } = parseInput(mappingPath, request.params, 'path');
  const mapping = control.mapping(name);
  if (mapping === undefined) throw unknownMapping(control, name);
  return { name, mapping };
}

function unknownMapping(control: DaemonControl, name: string): ApiError {
  const names = control.status().mappings.map((mapping) => mapping.name);
  const hint = `The configured mappings are: ${names.join(', ')}.`;
  return new ApiError('UNKNOWN_MAPPING', `There is no mapping ${JSON.stringify(name)}.`, hint);
}

async function listConflicts(mapping: MappingControl, query: z.infer<typeof conflictsQuery>) {
  const found: ConflictSummaryJson[] = [];
  const wanted = query.limit + 1;
  let beforeId = query.before;
  while (found.length < wanted) {
    const limit = Math.min(JOURNAL_PAGE, wanted - found.length);
    const openOnly = query.open === 'true';
    const page = mapping.conflicts({ ...(beforeId !== undefined && { beforeId }), limit, openOnly });
    found.push(...page.map(conflictSummaryJson));
    beforeId = page.at(-1)?.id;
    if (page.length < limit) break;
    await nextTurn();
  }
  const conflicts = found.slice(0, query.limit);
  const more = found.length > query.limit;
  return { conflicts, next: more ? (conflicts.at(-1)?.id ?? null) : null };
}

function explanationJson({ archive, mark, lastConflict, ...rest }: Explanation) {
  return {
    ...rest,
    archive: archive ?? null,
    mark: mark ?? null,
    lastConflict: lastConflict === undefined ? null : conflictSummaryJson(lastConflict),
  };
}

function planJson({ actions, ...rest }: PlanSummary) {
  return { ...rest, actions: actions.map((action) => ({ ...action, on: action.on ?? null })) };
}
