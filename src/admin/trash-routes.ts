import { setImmediate as nextTurn } from 'node:timers/promises';
import { z } from 'zod';
import type { MappingControl, RestoreWanted } from '../ports/control.js';
import type { TrashSummary } from '../ports/trash.js';
import { ApiError } from './api-error.js';
import { changeRoute, MAPPING, mappingOf } from './mapping-request.js';
import { parseInput } from './route.js';
import type { AdminRoute, RouteContext } from './route.js';
import { trashJson, trashSummaryJson } from './trash-json.js';

/** Taken from the archive at a time. */
const TRASH_PAGE = 500;
/** Looked through by one request for what it wants; its answer says where the next one goes on. */
const LOOKED_AT_MAX = 100_000;

const time = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));
const trashPath = z.object({ id: z.coerce.number().int().positive() });
const trashQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(500).default(100),
  before: z.coerce.number().int().positive().optional(),
  folder: z.string().default(''),
  since: time.optional(),
  until: time.optional(),
});
const restoreBody = z.union([
  z.strictObject({ key: z.string() }),
  z.strictObject({ folder: z.string(), since: time.optional(), until: time.optional() }),
]);

/** What was deleted, and how it is put back. */
export function trashRoutes(context: RouteContext): readonly AdminRoute[] {
  const { control, lists } = context;
  return [
    {
      method: 'GET',
      path: `${MAPPING}/trash`,
      access: 'read',
      summary: 'what was deleted, newest first; ?limit= &before=ID &folder= &since=TIME &until=TIME',
      handle: (request, reply) => {
        const { mapping } = mappingOf(control, request);
        const query = parseInput(trashQuery, request.query, 'query');
        return lists.run(reply.raw, (signal) => listTrash(mapping, query, signal));
      },
    },
    {
      method: 'GET',
      path: `${MAPPING}/trash/:id`,
      access: 'trusted',
      summary: 'one deleted value with all that is kept of it',
      handle: (request) => {
        const { name, mapping } = mappingOf(control, request);
        const { id } = parseInput(trashPath, request.params, 'path');
        const entry = mapping.trashed(id);
        if (entry === undefined) {
          throw new ApiError('UNKNOWN_TRASH', `The trash of mapping ${name} has no entry ${id}.`);
        }
        return trashJson(entry);
      },
    },
    changeRoute(
      context,
      'trash/restore',
      'puts deleted entries back; {"key": KEY} or {"folder": PREFIX, "since": TIME, "until": TIME}',
      restoreBody,
      (mapping, body) => mapping.restore(wantedBy(body)),
    ),
  ];
}

function wantedBy(body: z.infer<typeof restoreBody>): RestoreWanted {
  if ('key' in body) return body;
  return { folder: body.folder, sinceMs: body.since, untilMs: body.until };
}

async function listTrash(mapping: MappingControl, query: z.infer<typeof trashQuery>, signal: AbortSignal) {
  const { limit, folder, since: sinceMs, until: untilMs } = query;
  const found: TrashSummary[] = [];
  let beforeId = query.before;
  for (let lookedAt = 0; lookedAt < LOOKED_AT_MAX; lookedAt += TRASH_PAGE) {
    const { entries, lastId } = mapping.trash({ limit: TRASH_PAGE, beforeId, folder, sinceMs, untilMs });
    found.push(...entries.slice(0, limit + 1 - found.length));
    beforeId = lastId;
    if (lastId === undefined || found.length > limit) break;
    await nextTurn();
    signal.throwIfAborted();
  }
  const trash = found.slice(0, limit);
  const next = found.length > limit ? trash.at(-1)?.id : beforeId;
  return { trash: trash.map(trashSummaryJson), next: next ?? null };
}
