import type { DaemonProcess } from '../kit/daemon/daemon-process.js';
import type { JournaledConflict, StoreName } from '../kit/history/history.js';

const PAGE = 500;

interface ListAnswer {
  readonly conflicts: readonly { readonly id: number }[];
  readonly next: number | null;
}

interface SideAnswer {
  readonly value: { readonly utf8: string | null; readonly base64: string } | null;
  readonly version: { readonly modified: string; readonly created: string } | null;
}

interface ConflictAnswer extends Record<StoreName, SideAnswer> {
  readonly key: string;
  readonly kind: string;
  readonly winner: StoreName | null;
}

/** All that a daemon has in its conflict journal, with both values, as its admin server tells. */
export async function readJournal(
  name: string,
  daemon: DaemonProcess,
  mapping: string,
): Promise<JournaledConflict[]> {
  const found: JournaledConflict[] = [];
  let before: number | null = null;
  do {
    const query: string = before === null ? '' : `&before=${before}`;
    const { conflicts, next }: ListAnswer = await daemon.get(`conflicts?limit=${PAGE}${query}`, mapping);
    for (const { id } of conflicts) {
      found.push(conflictOf(name, await daemon.get<ConflictAnswer>(`conflicts/${id}`, mapping)));
    }
    before = next;
  } while (before !== null);
  return found;
}

function conflictOf(
  daemon: string,
  { key, kind, winner, zookeeper, consul }: ConflictAnswer,
): JournaledConflict {
  return {
    ...{ daemon, key, kind, winner: winner ?? undefined },
    values: { zookeeper: valueOf(zookeeper), consul: valueOf(consul) },
    versions: { zookeeper: versionOf(zookeeper), consul: versionOf(consul) },
  };
}

function valueOf({ value }: SideAnswer): string | undefined {
  return value === null ? undefined : (value.utf8 ?? value.base64);
}

function versionOf({ version }: SideAnswer): string | undefined {
  return version === null ? undefined : `${version.modified} since ${version.created}`;
}
