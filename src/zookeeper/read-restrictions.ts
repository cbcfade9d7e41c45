import type { EntryKey, Reading } from '../core/observation.js';
import { concurrently } from './concurrently.js';
import { isReadableToAll } from './permissions.js';
import type { ZooKeeperSession } from './zookeeper-session.js';

/** There is no request for many ACLs: they are pipelined. */
const IN_FLIGHT = 128;

/**
 * Says of entries whether everybody may read them. Asked after their data: whoever restricts a node before changing it is
 * safe. A change of an ACL alone wakes no watch and moves no version, and shows with the next look.
 */
export class ReadRestrictions {
  constructor(private readonly session: ZooKeeperSession) {}

  /** @throws ZooKeeperError */
  async addTo(
    readings: ReadonlyMap<EntryKey, Reading>,
    pathOf: ReadonlyMap<EntryKey, string>,
    signal: AbortSignal,
  ): Promise<Map<EntryKey, Reading>> {
    const looked = await concurrently(
      readings,
      IN_FLIGHT,
      async ([key, reading]): Promise<readonly [EntryKey, Reading]> => {
        const path = pathOf.get(key);
        if (reading.kind !== 'present' || path === undefined) return [key, reading];
        return [
          key,
          { ...reading, restricted: !(await this.#isOpen(path, reading.version.created, signal)) },
        ];
      },
    );
    return new Map(looked);
  }

  /** A node that is gone, hidden or made anew meanwhile tells nothing of the one that was read. */
  async #isOpen(path: string, created: bigint, signal: AbortSignal): Promise<boolean> {
    const answer = await this.session.getAcl(path, signal);
    return answer.kind === 'node' && answer.node.stat.czxid === created && isReadableToAll(answer.node.acl);
  }
}
