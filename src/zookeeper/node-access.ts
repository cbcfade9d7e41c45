import { concurrently } from './concurrently.js';
import type { AclEntry } from './protocol.js';
import type { ZooKeeperSession } from './zookeeper-session.js';

const IN_FLIGHT = 128;

/** What servers put in place of a password's hash for who may not administer the node. */
const MASKED = ':x';

/** The access control lists of nodes, as text, by path. A list that is not told, or not in full, is left out. */
export async function readAccess(
  session: ZooKeeperSession,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<Map<string, string>> {
  const access = new Map<string, string>();
  await concurrently(paths, IN_FLIGHT, async (path) => {
    const answer = await session.getAcl(path, signal);
    if (answer.kind === 'node' && answer.node.acl.every(isWhole))
      access.set(path, JSON.stringify(answer.node.acl));
  });
  return access;
}

/** With a mask for its hash, an entry would let nobody in. */
function isWhole({ scheme, id }: AclEntry): boolean {
  return scheme !== 'digest' || !id.endsWith(MASKED);
}

/** The list that `readAccess` gave as text. */
export function aclOf(access: string): readonly AclEntry[] {
  return JSON.parse(access) as AclEntry[];
}
