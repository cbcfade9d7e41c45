import type { Config, MappingConfig } from '../../config/schema.js';
import { decodeLedger } from '../../core/ledger.js';
import type { Side } from '../../core/pair.js';
import { aclOf, NAMESPACE } from '../../daemon/mapping-context.js';
import type { OfflineAccess } from '../../daemon/offline-access.js';
import { lookAtStart } from '../../daemon/start-outlook.js';
import { SyncError } from '../../ports/errors.js';
import type { MappingContext } from '../../sync/context.js';
import { placesShown } from '../mapping-title.js';
import { printableKey } from '../printable.js';
import { showCount, showCounted } from '../times.js';
import type { Findings } from './finding.js';
import {
  deniedBelow,
  mayChangeChildren,
  mayReadKeys,
  mayReadZnode,
  mayWriteKey,
  mayWriteZnode,
  nearestZnode,
  restrictedAmong,
  unusedKey,
} from './permissions.js';

const NEVER = new AbortController().signal;

/** What is checked of one mapping, and with what. */
export interface MappingCheck {
  readonly config: Config;
  readonly mapping: MappingConfig;
  readonly access: OfflineAccess;
  readonly findings: Findings;
}

/** What the daemon must be able to do in ZooKeeper for this mapping. */
export async function checkZooKeeperSide(check: MappingCheck): Promise<void> {
  const { mapping, access, config, findings } = check;
  const session = access.stores.zookeeper;
  const root = mapping.zookeeper;
  const isWritten = mapping.direction !== 'zookeeper-to-consul' && mapping.mode !== 'observe';
  try {
    const read = await mayReadZnode(session, root);
    if (read?.allowed === false) {
      deniedByZooKeeper(check, `read ${root}: ${read.answer}`);
      return;
    }
    if (isWritten) {
      const parent = read === undefined ? await nearestZnode(session, root) : root;
      const change = await mayChangeChildren(session, parent, aclOf(config));
      if (!change.allowed) {
        deniedByZooKeeper(check, change.answer);
        return;
      }
    }
    tellZooKeeperSide(check, read !== undefined, isWritten);
    await checkEntriesInZooKeeper(check, isWritten);
    await checkRestricted(check);
    if (mapping.mode !== 'observe') await checkLedgerInZooKeeper(check);
  } catch (error) {
    findings.failure(mapping.name, error);
  }
}

function tellZooKeeperSide({ mapping, findings }: MappingCheck, exists: boolean, isWritten: boolean): void {
  const { zookeeper } = placesShown(mapping);
  if (exists) {
    findings.ok(mapping.name, `${zookeeper} in ZooKeeper may be read${isWritten ? ' and changed' : ''}`);
  } else if (isWritten) {
    findings.ok(mapping.name, `${zookeeper} does not exist in ZooKeeper yet: a start may make it`);
  } else {
    findings.warn(mapping.name, `${zookeeper} does not exist in ZooKeeper: there is nothing to copy from it`);
  }
}

/** Each znode has an ACL of its own. Those of a few tell whether somebody forgot to give the daemon a place in them. */
async function checkEntriesInZooKeeper(check: MappingCheck, isWritten: boolean): Promise<void> {
  const { mapping, access, findings, config } = check;
  const acl = isWritten ? aclOf(config) : undefined;
  const { looked, denied } = await deniedBelow(access.stores.zookeeper, mapping.zookeeper, acl);
  if (denied[0] === undefined) return;
  const count = `${denied.length} of ${showCounted(looked, 'znode', 'znodes')}`;
  findings.fail(
    mapping.name,
    `ZooKeeper denies ${count} that were looked at below ${mapping.zookeeper}, first of all: ${denied[0]}. ` +
      'Such entries are left out: give the identity of zookeeper.auth a place in their ACLs',
  );
}

/** How many entries are looked at for whether everybody may read them. */
const ACLS_LOOKED_AT = 1_024;

/** What only some may read in ZooKeeper, everybody may in Consul who may read the prefix. */
async function checkRestricted({ mapping, access, findings }: MappingCheck): Promise<void> {
  if (mapping.direction === 'consul-to-zookeeper' || mapping.restricted === 'skip') return;
  const { scope, replicas } = access.context(mapping);
  const keys: string[] = [];
  for await (const page of replicas.left.scan(() => undefined, NEVER)) {
    keys.push(...page.map(({ key }) => key).filter((key) => scope.includes(key)));
    if (keys.length >= ACLS_LOOKED_AT) break;
  }
  const looked = keys.slice(0, ACLS_LOOKED_AT);
  const restricted = await restrictedAmong(access.stores.zookeeper, mapping.zookeeper, looked);
  if (restricted[0] === undefined) return;
  const count = `${showCount(restricted.length)} of ${showCounted(looked.length, 'znode', 'znodes')}`;
  findings.warn(
    mapping.name,
    `${count} that were looked at may not be read by everybody (first of all ${printableKey(restricted[0])}), and their copies ` +
      'in Consul may by everyone who may read the prefix. restricted: skip leaves such entries out',
  );
}

async function checkLedgerInZooKeeper(check: MappingCheck): Promise<void> {
  const { mapping, access, config } = check;
  const session = access.stores.zookeeper;
  const path = `/${NAMESPACE}/${config.instance}/${mapping.name}`;
  const nearest = await nearestZnode(session, path);
  const found = nearest === path ? await session.exists(path, NEVER) : undefined;
  const permission =
    found?.kind === 'node'
      ? await mayWriteZnode(session, path, found.node.version)
      : await mayChangeChildren(session, nearest, aclOf(config), { createOnly: true });
  const isSource = mapping.direction === 'zookeeper-to-consul';
  if (!permission.allowed && isSource) {
    goesWithoutLedger(check, 'ZooKeeper', permission.answer);
    return;
  }
  if (!permission.allowed) {
    deniedByZooKeeper(check, `the ledger ${path}: ${permission.answer}`);
    return;
  }
  const unseen = await maySeeInstances(check, 'left');
  if (unseen === undefined) return;
  if (isSource) goesWithoutNeighbours(check, 'ZooKeeper', unseen);
  else deniedByZooKeeper(check, `look for other instances: ${unseen}`);
}

/**
 * Whether all instances' ledgers may be read, without which nobody sees that another one syncs the same entries.
 * @returns what the store said otherwise
 */
async function maySeeInstances({ mapping, access }: MappingCheck, side: Side): Promise<string | undefined> {
  try {
    await access.context(mapping).replicas[side].listLedgers(NEVER);
    // Consul leaves out of a list what may not be read. Nothing in ZooKeeper is left out.
    const keys = side === 'left' ? undefined : await mayReadKeys(access.stores.consul, `${NAMESPACE}/`);
    return keys?.allowed === false ? keys.answer : undefined;
  } catch (error) {
    if (error instanceof SyncError && error.code === 'STORE_DENIED') return error.message;
    throw error;
  }
}

async function checkKeys(check: MappingCheck, prefix: string, isWritten: boolean): Promise<boolean> {
  const { consul } = check.access.stores;
  const { consul: shown } = placesShown(check.mapping);
  const read = await mayReadKeys(consul, prefix);
  if (!read.allowed) {
    deniedByConsul(check, `read ${shown}`, read.answer);
    return false;
  }
  const write = isWritten ? await mayWriteKey(consul, unusedKey(prefix)) : read;
  if (!write.allowed) deniedByConsul(check, `write ${shown}`, write.answer);
  return write.allowed;
}

/** What the daemon must be able to do in Consul for this mapping. */
export async function checkConsulSide(check: MappingCheck): Promise<void> {
  const { mapping, access, config, findings } = check;
  const { consul } = access.stores;
  const prefix = mapping.consul === '' ? '' : `${mapping.consul}/`;
  const { consul: shown } = placesShown(mapping);
  const isWritten = mapping.direction !== 'consul-to-zookeeper' && mapping.mode !== 'observe';
  try {
    if (mapping.services === undefined) {
      if (!(await checkKeys(check, prefix, isWritten))) return;
      findings.ok(mapping.name, `${shown} in Consul may be read${isWritten ? ' and changed' : ''}`);
    } else {
      // What of a catalog a token may not read is left out of its answers, and what it may write shows with the first copy.
      await access.context(mapping).replicas.right.position(NEVER);
      findings.ok(mapping.name, `${shown} in Consul answer`);
    }
    if (mapping.mode === 'observe') return;
    const key = `${NAMESPACE}/${config.instance}/${mapping.name}`;
    const ledger = await mayWriteKey(consul, key);
    const isSource = mapping.direction === 'consul-to-zookeeper';
    if (!ledger.allowed) {
      if (isSource) goesWithoutLedger(check, 'Consul', ledger.answer);
      else deniedByConsul(check, `write the ledger ${key}`, ledger.answer);
      return;
    }
    const unseen = await maySeeInstances(check, 'right');
    if (unseen === undefined) return;
    if (isSource) goesWithoutNeighbours(check, 'Consul', unseen);
    else deniedByConsul(check, `read ${NAMESPACE}/, to look for other instances`, unseen);
  } catch (error) {
    findings.failure(mapping.name, error);
  }
}

/** Whether the stores and the archive belong together, as a start would judge. */
export async function checkPairing(check: MappingCheck): Promise<void> {
  const { mapping, access, findings } = check;
  try {
    const { pairing, holds, paused, memory } = await lookAtStart(access.context(mapping), NEVER);
    for (const { reason, detail } of holds) {
      findings.fail(mapping.name, `a start would hold it as ${reason}: ${detail}`);
    }
    if (paused) findings.warn(mapping.name, 'paused by an operator: nothing is written until it is resumed');
    const { entries } = memory.archive.counts();
    const agreed = showCounted(entries, 'entry is', 'entries are');
    if (pairing === 'paired')
      findings.ok(mapping.name, `archive and ledgers belong together; ${agreed} agreed on`);
    if (pairing === 'new')
      findings.ok(mapping.name, 'not paired yet: a start makes the ledgers in both stores');
    if (pairing === 'unpaired') findings.ok(mapping.name, 'only observes: it needs no ledgers');
  } catch (error) {
    findings.failure(mapping.name, error);
  }
}

/** While a daemon has the archive: whether the two ledgers at least belong to each other. */
export async function checkLedgers(check: MappingCheck): Promise<void> {
  const { mapping, access, findings } = check;
  if (mapping.mode === 'observe') return;
  try {
    const context = access.context(mapping);
    const [left, right] = await Promise.all([pairIdAt(context, 'left'), pairIdAt(context, 'right')]);
    if (left === undefined && right === undefined) {
      findings.warn(mapping.name, 'it has no ledgers: the daemon that runs does not sync it yet');
    } else if (left === right) {
      findings.ok(mapping.name, 'the ledgers of both stores belong together');
    } else if (mapping.direction === 'both') {
      findings.fail(
        mapping.name,
        'the ledgers of the two stores do not belong together: one was wiped or replaced',
      );
    } else {
      findings.ok(mapping.name, 'a ledger stands on the target of this one-way mapping');
    }
  } catch (error) {
    findings.failure(mapping.name, error);
  }
}

async function pairIdAt(context: MappingContext, side: 'left' | 'right'): Promise<string | undefined> {
  const stored = await context.replicas[side].readLedger(NEVER);
  return stored && (decodeLedger(stored.content)?.pairId ?? 'unreadable');
}

/** ZooKeeper takes any digest: a wrong password shows only where an ACL asks for the right one. */
function deniedByZooKeeper({ config, mapping, findings }: MappingCheck, answer: string): void {
  const { auth } = config.zookeeper;
  if (auth === undefined) {
    findings.fail(
      mapping.name,
      `denied by ZooKeeper, ${answer}. zookeeper.auth is not set: does the ACL ask for it?`,
    );
    return;
  }
  findings.unreachable(
    mapping.name,
    `denied by ZooKeeper, ${answer}. Either zookeeper.auth is wrong (ZooKeeper accepts a wrong password without a word, and then denies), or the ACL does not name it`,
  );
}

function deniedByConsul({ mapping, findings }: MappingCheck, what: string, answer: string): void {
  findings.fail(
    mapping.name,
    `Consul does not allow to ${what}: ${answer}. Widen the policy of the token (consul.token)`,
  );
}

function goesWithoutLedger({ mapping, findings }: MappingCheck, store: string, answer: string): void {
  findings.warn(
    mapping.name,
    `goes without a ledger in ${store}, which is only read: whether it was wiped, replaced or restored can't be told there (${answer})`,
  );
}

function goesWithoutNeighbours({ mapping, findings }: MappingCheck, store: string, answer: string): void {
  findings.warn(
    mapping.name,
    `can't see in ${store} whether another instance syncs the same entries: ${answer}. Let it read all of ${NAMESPACE}/`,
  );
}
