/**
 * A store's own update counter for one entry, as read with it.
 *
 * Both stores count all their writes with one ever-rising number, so `modified` alone orders the writes of a
 * store and is never used twice while the store lives on (ZooKeeper: `mzxid`, Consul: `ModifyIndex`).
 */
export interface Version {
  /** The store-wide number of the write that gave the entry its present value. */
  readonly modified: bigint;
  /** The store-wide number of the write that created it: differs after delete-and-recreate (`czxid`, `CreateIndex`). */
  readonly created: bigint;
  /**
   * The number that a conditional write names, where that is not `modified`
   * (ZooKeeper's `version`, which restarts at 0 when a node is recreated). 0 where unused.
   */
  readonly revision: number;
}

export function sameVersion(a: Version, b: Version): boolean {
  return a.modified === b.modified && a.created === b.created;
}
