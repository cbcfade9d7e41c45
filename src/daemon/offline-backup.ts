import type { MappingConfig } from '../config/schema.js';
import { isStructure } from '../core/classify.js';
import type { EntryKey, PresentReading, Reading } from '../core/observation.js';
import type { Side } from '../core/pair.js';
import { otherSide, pairOf, SIDES } from '../core/pair.js';
import type { AccessRule } from '../ports/replica.js';
import type { SeenOnBoth } from '../sync/side-by-side.js';
import { NO_ENTRIES, readSideBySide } from '../sync/side-by-side.js';
import { concurrently } from '../zookeeper/concurrently.js';
import { MappingPaths } from '../zookeeper/mapping-paths.js';
import type { ZooKeeperSession } from '../zookeeper/zookeeper-session.js';
import { NAMESPACE, SIDE_NAMES } from './mapping-context.js';
import type { OfflineAccess } from './offline-access.js';

/** What a backup keeps of one entry. */
export type KeptEntry =
  | {
      readonly key: EntryKey;
      /** Whose content this is; `both` where the sides agree. */
      readonly side: 'both' | 'zookeeper' | 'consul';
      readonly value: Uint8Array;
      readonly flags: bigint;
      /** Who may do what with the znode; `hidden` where ZooKeeper does not show all of it, undefined without a znode. */
      readonly acl: readonly AccessRule[] | 'hidden' | undefined;
      readonly session: 'both' | 'zookeeper' | 'consul' | undefined;
    }
  | { readonly key: EntryKey; readonly side: 'zookeeper' | 'consul'; readonly unread: string };

const ACLS_IN_FLIGHT = 128;

/**
 * All entries of a mapping, in the order of keys: of both sides, each entry once where they agree and twice where they
 * don't, or of one side. Inner znodes without data and folder markers are no entries.
 * @throws ReplicaError
 */
export async function* keptEntries(
  access: OfflineAccess,
  mapping: MappingConfig,
  from: Side | undefined,
  signal: AbortSignal,
): AsyncGenerator<readonly KeptEntry[]> {
  const unread: EntryKey[] = [];
  const { replicas, scope } = access.context(mapping, (keys) => void unread.push(...keys));
  const sources = pairOf((side) => (from === undefined || from === side ? replicas[side] : NO_ENTRIES));
  const paths = new MappingPaths(mapping.zookeeper, `/${NAMESPACE}`);
  const both = {
    sources,
    includes: (key: EntryKey) => scope.includes(key),
    takeUnread: () => unread.splice(0),
  };
  for await (const chunk of readSideBySide(both, signal)) {
    const inZooKeeper = chunk.filter((seen) => contentAt(seen, 'left') !== undefined).map(({ key }) => key);
    const acls = await aclsOf(access.stores.zookeeper, paths, inZooKeeper, signal);
    yield chunk.flatMap((seen) => keptOf(seen, acls.get(seen.key)));
  }
}

type Acl = readonly AccessRule[] | 'hidden';

function keptOf(seen: SeenOnBoth, acl: Acl | undefined): KeptEntry[] {
  const { key, readings } = seen;
  const hidden = SIDES.flatMap((side): KeptEntry[] => {
    const why = unreadAt(seen, side);
    return why === undefined ? [] : [{ key, side: SIDE_NAMES[side], unread: why }];
  });
  const [left, right] = [contentAt(seen, 'left'), contentAt(seen, 'right')];
  if (left !== undefined && right !== undefined && left.digest === right.digest) {
    const session = sessionOf(readings.left, readings.right);
    return [...hidden, { key, side: 'both', value: left.value, flags: right.flags, acl, session }];
  }
  const kept = SIDES.flatMap((side): KeptEntry[] => {
    const content = contentAt(seen, side);
    if (content === undefined) return [];
    const { value, flags } = content;
    const session = content.session === undefined ? undefined : SIDE_NAMES[side];
    const shown = side === 'left' ? acl : undefined;
    return [{ key, side: SIDE_NAMES[side], value, flags, acl: shown, session }];
  });
  return [...hidden, ...kept];
}

/** What an entry holds on one side; undefined where it is none. Structure agrees with an empty entry of the other side. */
function contentAt({ key, readings }: SeenOnBoth, side: Side): PresentReading | undefined {
  const reading = readings[side];
  if (reading.kind !== 'present') return undefined;
  if (!isStructure(key, reading)) return reading;
  const other = readings[otherSide(side)];
  return other.kind === 'present' && other.digest === reading.digest && !isStructure(key, other)
    ? reading
    : undefined;
}

function unreadAt({ readings, unread }: SeenOnBoth, side: Side): string | undefined {
  const reading = readings[side];
  if (reading.kind === 'unknown') return reading.reason;
  return unread && reading.kind === 'present' && reading.children > 0
    ? 'what is below it is denied'
    : undefined;
}

function sessionOf(left: Reading, right: Reading): 'both' | 'zookeeper' | 'consul' | undefined {
  const isOwned = (reading: Reading): boolean => reading.kind === 'present' && reading.session !== undefined;
  if (isOwned(left)) return isOwned(right) ? 'both' : SIDE_NAMES.left;
  return isOwned(right) ? SIDE_NAMES.right : undefined;
}

async function aclsOf(
  session: ZooKeeperSession,
  paths: MappingPaths,
  keys: readonly EntryKey[],
  signal: AbortSignal,
): Promise<ReadonlyMap<EntryKey, Acl>> {
  const acls = await concurrently(keys, ACLS_IN_FLIGHT, async (key): Promise<readonly [EntryKey, Acl]> => {
    const answer = await session.getAcl(paths.pathOf(key), signal);
    return [key, answer.kind === 'node' && !isMasked(answer.node.acl) ? answer.node.acl : 'hidden'];
  });
  return new Map(acls);
}

/** To whoever may not administer a znode, servers show an `x` in place of passwords' hashes. */
function isMasked(acl: readonly AccessRule[]): boolean {
  return acl.some(({ scheme, id }) => scheme === 'digest' && id.endsWith(':x'));
}
