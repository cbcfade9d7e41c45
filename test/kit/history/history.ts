/**
 * What happened to the entries of one mapping, told without a word of the daemon's own code: whoever runs clients
 * against a pair of stores, real or simulated, writes it down, and the checkers beside this file judge it.
 *
 * All times of a history are milliseconds of one monotonic clock; only their order means anything. Values are text;
 * apart from rewrites of the same value, a client never writes a value twice, so that a value tells where it came from.
 */
export interface History {
  readonly writes: readonly ClientWrite[];
  /** What both stores hold in the end, when clients have long stopped writing and nothing goes wrong any more. */
  readonly finals: PerStore<ReadonlyMap<Key, Value>>;
  /** Every conflict that any daemon has ever entered into its journal. */
  readonly journal: readonly JournaledConflict[];
  /** Every value that any daemon has ever put into its trash, where that is known. */
  readonly trash?: readonly Trashed[];
  /** What operators had put back, from the trash or from the journal. */
  readonly orders?: readonly { readonly key: Key; readonly atMs: number }[];
  /** How the mapping and its entries stand in the end. */
  readonly ending: Ending;
  /** The moments at which the stores themselves lost or brought back what clients had written. */
  readonly replacements: readonly Replacement[];
  /** The moments at which agreement began anew: an operator's resync, or a lost archive that was to be merged. */
  readonly restartsOfAgreement: readonly { readonly atMs: number }[];
  /** How often each daemon's process was started again. */
  readonly restarts: ReadonlyMap<DaemonName, number>;
  /** The store that is never written, in a one-way mapping. */
  readonly source: StoreName | undefined;
  /** Values that fell under the exception of S3, where that is known: see `justified-writes`. */
  readonly lostInRaces?: readonly { readonly key: Key; readonly value: Value }[];
}

export type StoreName = 'zookeeper' | 'consul';
export type PerStore<T> = Readonly<Record<StoreName, T>>;
/** Relative to the mapping, as the daemon calls it. */
export type Key = string;
export type Value = string;
export type DaemonName = string;

export const STORES: readonly StoreName[] = ['zookeeper', 'consul'];

export function otherStore(store: StoreName): StoreName {
  return store === 'zookeeper' ? 'consul' : 'zookeeper';
}

/** One write of a client. Lies, if it was done at all, between `invokedMs` and `endedMs`. */
export interface ClientWrite {
  readonly store: StoreName;
  readonly key: Key;
  /** Undefined for a deletion. A deletion of what was not there is no write. */
  readonly value: Value | undefined;
  readonly invokedMs: number;
  /** Infinity for a write of unknown outcome that may still be done at any time. */
  readonly endedMs: number;
  /** `refused`: certainly not done. `unknown`: done or not (the answer was lost). */
  readonly outcome: 'acknowledged' | 'refused' | 'unknown';
  /**
   * Of a deletion: it took away a copy that a daemon had made without coming to know so, since it died or got no answer,
   * or a value that had not been looked at again since agreement began anew. Only a simulation can tell.
   */
  readonly removedUnknownCopy?: boolean;
  /** The store's own number of it (`mzxid`, `ModifyIndex`), where that is known. */
  readonly number?: bigint;
  /**
   * What the write took the place of, if it was done, where the store vouches for that: the write had a condition.
   * Nothing when the condition was that the key is not there.
   */
  readonly replaced?: { readonly value: Value | undefined };
}

export interface JournaledConflict {
  readonly daemon: DaemonName;
  readonly key: Key;
  /** The daemon's own word for it. */
  readonly kind: string;
  /** Whose content stands; undefined while nobody has decided. */
  readonly winner: StoreName | undefined;
  /** Undefined where the entry was not there. */
  readonly values: PerStore<Value | undefined>;
  /** The versions of both, as text; undefined where the entry was not there. */
  readonly versions: PerStore<string | undefined>;
}

/** A value that a daemon kept because it was about to delete it. */
export interface Trashed {
  readonly key: Key;
  /** Where it was to be deleted. */
  readonly store: StoreName;
  readonly value: Value;
}

export interface Ending {
  /** Why the mapping as a whole is held, if it is. Then nothing has to have converged. */
  readonly mappingHolds: readonly string[];
  /** Entries that are held, left out or drifted, and listed so: each may stand as it is on either side. */
  readonly setAside: ReadonlySet<Key>;
}

export interface Replacement {
  readonly store: StoreName;
  readonly atMs: number;
  readonly how: 'restored' | 'wiped';
}

/** A mapping's ledger as it stood at some moment. */
export interface LedgerSighting {
  readonly store: StoreName;
  /** The store's own number of the write. */
  readonly version: bigint;
  readonly writer: string;
  readonly generation: number;
}

/** What a checker has found, for a person: which promise was broken, at which key, and how one can tell. */
export interface Violation {
  readonly checker: string;
  readonly key: Key | undefined;
  readonly explanation: string;
}

/** Whether a write may have been done after (or at the same time as) another one. */
export function mayFollow(later: ClientWrite, earlier: ClientWrite): boolean {
  return later.outcome !== 'refused' && later.endedMs >= earlier.invokedMs;
}

/** Whether a write was certainly done after another one, if it was done. */
export function surelyFollows(later: ClientWrite, earlier: ClientWrite): boolean {
  return later.invokedMs > earlier.endedMs;
}

/** Whether a value fell under the exception of S3. */
export function isLostInRace({ lostInRaces = [] }: History, { key, value }: ClientWrite): boolean {
  return lostInRaces.some((lost) => lost.key === key && lost.value === value);
}

export function show(value: Value | undefined): string {
  if (value === undefined) return 'nothing';
  return value.length <= 40 ? JSON.stringify(value) : `${JSON.stringify(value.slice(0, 40))}...`;
}

export function byKey<T extends { readonly key: Key }>(items: readonly T[]): ReadonlyMap<Key, readonly T[]> {
  const groups = new Map<Key, T[]>();
  for (const item of items) {
    const group = groups.get(item.key);
    if (group === undefined) groups.set(item.key, [item]);
    else group.push(item);
  }
  return groups;
}
