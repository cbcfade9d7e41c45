import type { AdminClient } from './admin-client.js';
import { mappingPath } from './operate/operation.js';
import type { TrashSummaryAnswer } from './trash-answers.js';
import { trashPageAnswer } from './trash-answers.js';

/** Which deletions are meant. Times are ISO 8601, in UTC. */
export interface TrashFilter {
  readonly folder?: string;
  readonly since?: string;
  readonly until?: string;
}

/** As many as the daemon gives at once. */
const PAGE_MAX = 500;

/** What was deleted, the newest first, a page at a time. */
export async function* trashPages(
  client: AdminClient,
  mapping: string,
  filter: TrashFilter,
): AsyncGenerator<readonly TrashSummaryAnswer[]> {
  let before: number | null | undefined;
  while (before !== null) {
    const query = new URLSearchParams({ ...filter, limit: String(PAGE_MAX) });
    if (before !== undefined) query.set('before', String(before));
    const page = await client.get(`${mappingPath(mapping)}/trash?${query.toString()}`, trashPageAnswer);
    yield page.trash;
    before = page.next;
  }
}
