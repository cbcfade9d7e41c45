import type { History, JournaledConflict, Violation } from './history.js';
import { STORES } from './history.js';

const CHECKER = 'journal soundness';

/**
 * No conflict is in a journal twice: the same kind, with the same winner, between the same two versions. A daemon that
 * was started again may enter once more what its predecessor entered but did not come to act on, so each conflict may
 * be there once for each start, and once for each time that agreement began anew. And a conflict has two sides that differ.
 */
export function checkJournalSoundness({ journal, restarts, restartsOfAgreement }: History): Violation[] {
  const counts = new Map<string, number>();
  const violations: Violation[] = [];
  for (const conflict of journal) {
    const identity = identityOf(conflict);
    const count = (counts.get(identity) ?? 0) + 1;
    counts.set(identity, count);
    if (count === 2 + (restarts.get(conflict.daemon) ?? 0) + restartsOfAgreement.length) {
      const explanation = `${conflict.daemon} entered the same conflict ${count} times: ${identity}`;
      violations.push({ checker: CHECKER, key: conflict.key, explanation });
    }
    if (isNone(conflict)) {
      const explanation = `${conflict.daemon} entered a conflict whose two sides are equal: ${identity}`;
      violations.push({ checker: CHECKER, key: conflict.key, explanation });
    }
  }
  return violations;
}

function isNone({ values: { zookeeper, consul } }: JournaledConflict): boolean {
  return zookeeper === consul;
}

function identityOf({ daemon, key, kind, winner, versions }: JournaledConflict): string {
  const sides = STORES.map((store) => `${store} ${versions[store] ?? 'none'}`).join(', ');
  return `${daemon} ${JSON.stringify(key)} ${kind} won by ${winner ?? 'nobody yet'} (${sides})`;
}
