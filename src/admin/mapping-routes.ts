import { setImmediate as nextTurn } from 'node:timers/promises';
import { z } from 'zod';
import type { Explanation, HeldBack, MappingControl, PlanSummary } from '../ports/control.js';
import { ApiError } from './api-error.js';
import { conflictJson, conflictSummaryJson } from './conflict-json.js';
import type { ConflictSummaryJson } from './conflict-json.js';
import { cutoverRoutes } from './cutover-routes.js';
import { isoTime } from './iso-time.js';
import { changeRoute, MAPPING, mappingOf, noBody, unknownMapping } from './mapping-request.js';
import { observedJson } from './observed-json.js';
import { parseInput } from './route.js';
import type { AdminRoute, RouteContext } from './route.js';
import { mappingJson } from './status-json.js';
import { trashRoutes } from './trash-routes.js';

/** Journal entries come with both values, of up to half a MiB each: only a few are taken into memory at a time. */
const JOURNAL_PAGE = 16;

const conflictPath = z.object({ id: z.coerce.number().int().positive() });
const explainQuery = z.strictObject({ key: z.string(), values: z.enum(['true', 'false']).default('false') });
const heldQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
  after: z.string().optional(),
});
const approveBody = z.strictObject({ held: z.string().optional() });
const resyncFrom = z.strictObject({ from: z.enum(['zookeeper', 'consul', 'merge']) });
const releaseBody = z.strictObject({ key: z.string(), keep: z.enum(['zookeeper', 'consul']) });
const resolveBody = z.strictObject({ keep: z.enum(['zookeeper', 'consul']) });
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
    ...trashRoutes(context),
    observedRoute(context),
    ...cutoverRoutes(context),
    explainRoute(context),
    heldRoute(context),
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

function conflictRoutes(context: RouteContext): readonly AdminRoute[] {
  const { control, lists } = context;
  return [
    {
      method: 'GET',
      path: `${MAPPING}/conflicts`,
      access: 'read',
      summary: 'the conflict journal, newest first; ?limit= &before=ID &open=true',
      handle: (request, reply) => {
        const { mapping } = mappingOf(control, request);
        const query = parseInput(conflictsQuery, request.query, 'query');
        return lists.run(reply.raw, (signal) => listConflicts(mapping, query, signal));
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
        if (entry === undefined) throw unknownConflict(name, id);
        return conflictJson(entry);
      },
    },
    resolveRoute(context),
  ];
}

function resolveRoute(context: RouteContext): AdminRoute {
  return changeRoute(
    context,
    'conflicts/:id/resolve',
    'makes what one side had in a conflict stand; {"keep": "zookeeper"|"consul"}',
    resolveBody,
    (mapping, { keep }, request) => {
      const { id } = parseInput(conflictPath, request.params, 'path');
      if (mapping.conflict(id) === undefined)
        throw unknownConflict(mappingOf(context.control, request).name, id);
      return mapping.resolve(id, keep);
    },
  );
}

function unknownConflict(name: string, id: number): ApiError {
  return new ApiError('UNKNOWN_CONFLICT', `The journal of mapping ${name} has no conflict ${id}.`);
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
    summary: 'why an entry is as it is; ?key=KEY &values=true',
    handle: async (request, reply) => {
      const { mapping } = mappingOf(control, request);
      const { key, values } = parseInput(explainQuery, request.query, 'query');
      const explain = (signal: AbortSignal) => mapping.explain(key, signal, values === 'true');
      return explanationJson(await reads.run(reply.raw, explain));
    },
  };
}

function heldRoute({ control, reads }: RouteContext): AdminRoute {
  return {
    method: 'GET',
    path: `${MAPPING}/held`,
    access: 'trusted',
    summary: 'what an approval would let pass; ?limit= &after=KEY',
    handle: async (request, reply) => {
      const { mapping } = mappingOf(control, request);
      const { limit, after } = parseInput(heldQuery, request.query, 'query');
      const options = { limit, ...(after !== undefined && { after }) };
      return heldJson(await reads.run(reply.raw, (signal) => mapping.held(options, signal)));
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
      'lets the deletions and overwrites that are held back now pass; {"held": DIGEST} only these',
      approveBody,
      (mapping, { held }) => mapping.approve(held),
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

async function listConflicts(
  mapping: MappingControl,
  query: z.infer<typeof conflictsQuery>,
  signal: AbortSignal,
) {
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
    signal.throwIfAborted();
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

function heldJson({ entries, more, ...rest }: HeldBack) {
  return {
    ...rest,
    entries: entries.map(({ sinceMs, ...entry }) => ({ ...entry, since: isoTime(sinceMs) })),
    next: more ? (entries.at(-1)?.key ?? null) : null,
  };
}

function planJson({ actions, ...rest }: PlanSummary) {
  return { ...rest, actions: actions.map((action) => ({ ...action, on: action.on ?? null })) };
}
