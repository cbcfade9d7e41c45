import type { Config } from '../../config/schema.js';
import { canaryFolder } from '../../daemon/canary-place.js';
import { aclOf } from '../../daemon/mapping-context.js';
import type { Stores } from '../../daemon/stores.js';
import type { Findings } from './finding.js';
import { mayChangeChildren, mayReadKeys, mayWriteKey, nearestZnode, unusedKey } from './permissions.js';

const ABOUT = 'canary';

/** Whether the canary may do what it must in ZooKeeper, in its folder of the daemon's own namespace. */
export async function checkCanaryInZooKeeper(
  config: Config,
  { zookeeper }: Stores,
  findings: Findings,
): Promise<void> {
  const folder = `/${canaryFolder(config.instance)}`;
  try {
    const nearest = await nearestZnode(zookeeper, `${folder}/markers`);
    const change = await mayChangeChildren(zookeeper, nearest, aclOf(config), { createOnly: true });
    if (change.allowed) findings.ok(ABOUT, `${folder} in ZooKeeper may be changed`);
    else findings.fail(ABOUT, `denied by ZooKeeper, ${change.answer}. No marker gets to ${folder}`);
  } catch (error) {
    findings.failure(ABOUT, error);
  }
}

/** The same in Consul. */
export async function checkCanaryInConsul(
  config: Config,
  { consul }: Stores,
  findings: Findings,
): Promise<void> {
  const folder = `${canaryFolder(config.instance)}/`;
  try {
    for (const asked of [await mayReadKeys(consul, folder), await mayWriteKey(consul, unusedKey(folder))]) {
      if (asked.allowed) continue;
      findings.fail(ABOUT, `denied by Consul, ${folder}: ${asked.answer}. Widen the policy of the token`);
      return;
    }
    findings.ok(ABOUT, `${folder} in Consul may be read and changed`);
  } catch (error) {
    findings.failure(ABOUT, error);
  }
}
