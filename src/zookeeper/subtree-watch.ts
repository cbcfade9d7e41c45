import type { EntryKey } from '../core/observation.js';
import { parentKey } from '../core/key-order.js';
import type { MappingPaths } from './mapping-paths.js';
import type { WatchEvent } from './protocol.js';
import type { ZooKeeperSession } from './zookeeper-session.js';

/** A way to be told of changes below a mapping's root, for one connection. */
export interface SubtreeWatch {
  /** Arms everything; until then, events may already come. */
  arm(signal: AbortSignal): Promise<void>;
  onEvent(event: WatchEvent): void;
  /** Whether there is more below the root than is watched. */
  readonly isPartial: boolean;
}

/** What a watch tells. */
export interface SubtreeListener {
  /** This entry may have changed. */
  changed(key: EntryKey): void;
  /** The watch may have holes from now on; it has to be armed again. */
  broken(): void;
}

/**
 * One persistent recursive watch on the root (3.6 and later). It is not tied to the root's existence, and survives
 * its deletion. Before 3.9 a `getData` with a watch on the very root ends it, so no other watch is ever set here.
 */
export class PersistentWatch implements SubtreeWatch {
  readonly isPartial = false;

  constructor(
    private readonly session: ZooKeeperSession,
    private readonly paths: MappingPaths,
    private readonly listener: SubtreeListener,
  ) {}

  async arm(signal: AbortSignal): Promise<void> {
    await this.session.addWatch(this.paths.root, signal);
  }

  onEvent({ type, path }: WatchEvent): void {
    // An event that this client doesn't know could be one that ends the watch, as 3.9 has for removals.
    if (type === 'other') this.listener.broken();
    for (const key of keysToldBy({ type, path }, this.paths)) this.listener.changed(key);
  }
}

/** The entries that an event is about: the node itself, and its parent where that has gained or lost a child. */
export function keysToldBy({ type, path }: WatchEvent, paths: MappingPaths): EntryKey[] {
  const key = paths.keyOf(path);
  if (key === undefined) return [];
  const parent = type === 'data-changed' ? undefined : parentKey(key);
  return parent === undefined ? [key] : [key, parent];
}
