import type { History, Key, Value, Violation } from './history.js';
import { show } from './history.js';

const CHECKER = 'convergence';

/**
 * L1: in the end both sides are equal, entries that are listed as held, left out or drifted aside, and mappings that
 * are held.
 *
 * A znode without data agrees with no key and with an empty key; an empty key needs a znode, unless it is a folder
 * marker (its name ends in a slash).
 */
export function checkConvergence({ finals, ending }: History): Violation[] {
  if (ending.mappingHolds.length > 0) return [];
  const violations: Violation[] = [];
  for (const key of new Set([...finals.zookeeper.keys(), ...finals.consul.keys()])) {
    const [zookeeper, consul] = [finals.zookeeper.get(key), finals.consul.get(key)];
    if (ending.setAside.has(key) || agree(key, zookeeper, consul)) continue;
    const explanation = `ZooKeeper has ${show(zookeeper)}, Consul ${show(consul)}, and the entry is not set aside`;
    violations.push({ checker: CHECKER, key, explanation });
  }
  return violations;
}

function agree(key: Key, zookeeper: Value | undefined, consul: Value | undefined): boolean {
  if (zookeeper === consul) return true;
  if (zookeeper === '') return consul === undefined;
  return zookeeper === undefined && consul === '' && (key === '' || key.endsWith('/'));
}
