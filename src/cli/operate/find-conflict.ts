import { conflictAnswer, conflictsAnswer, statusAnswer } from '../admin-answers.js';
import type { ConflictAnswer } from '../admin-answers.js';
import type { AdminClient } from '../admin-client.js';
import { CommandError, EXIT, usageError } from '../exit-code.js';
import { printableKey } from '../printable.js';
import { mappingPath } from './operation.js';

/** A conflict as it is named on the command line: ids are given by each mapping for itself. */
export interface ConflictName {
  readonly id: number;
  readonly mapping: string | undefined;
}

export interface FoundConflict {
  readonly mapping: string;
  readonly conflict: ConflictAnswer;
}

/**
 * `ID`, `MAPPING ID`, or `ID --mapping MAPPING`.
 * @throws CommandError
 */
export function conflictName(words: readonly string[], option: string | undefined): ConflictName {
  const given = words.at(-1) ?? '';
  if (!/^[1-9]\d{0,14}$/.test(given)) {
    throw usageError(`${JSON.stringify(given)} is no id of a conflict: \`conflicts list\` shows them`);
  }
  const before = words.length > 1 ? words[0] : undefined;
  if (before !== undefined && option !== undefined && before !== option) {
    throw usageError(`two mappings are named: ${before} and ${option}`);
  }
  return { id: Number(given), mapping: option ?? before };
}

/**
 * The conflict with both values. Where no mapping is named, the only one that has a conflict of this id is meant.
 * @throws CommandError that names the candidates when there are several
 */
export async function findConflict(client: AdminClient, name: ConflictName): Promise<FoundConflict> {
  const mapping = name.mapping ?? (await onlyMappingWith(client, name.id));
  const path = `${mappingPath(mapping)}/conflicts/${name.id}`;
  return { mapping, conflict: await client.get(path, conflictAnswer, { trusted: true }) };
}

async function onlyMappingWith(client: AdminClient, id: number): Promise<string> {
  const { mappings } = await client.get('api/v1/status', statusAnswer);
  const candidates: { mapping: string; key: string }[] = [];
  for (const { name: mapping } of mappings) {
    // The newest up to this id: without values, which may be large.
    const path = `${mappingPath(mapping)}/conflicts?limit=1&before=${id + 1}`;
    const [newest] = (await client.get(path, conflictsAnswer)).conflicts;
    if (newest?.id === id) candidates.push({ mapping, key: newest.key });
  }
  const [only, ...others] = candidates;
  if (only === undefined) {
    const message = `no mapping of the daemon at ${client.shownUrl} has a conflict ${id} in its journal`;
    throw new CommandError(EXIT.found, `${message}: \`conflicts list\` shows those that are kept`);
  }
  if (others.length === 0) return only.mapping;
  const listed = candidates.map(({ mapping, key }) => `${mapping} (entry ${printableKey(key)})`).join(', ');
  throw usageError(
    `several mappings have a conflict ${id}: ${listed}. Name one, as in --mapping ${only.mapping}`,
  );
}
