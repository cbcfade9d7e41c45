import { concurrently } from './concurrently.js';
import { childPath, type MappingPaths } from './mapping-paths.js';
import { keysToldBy, type SubtreeListener, type SubtreeWatch } from './subtree-watch.js';
import type { WatchEvent, WatchEventType } from './protocol.js';
import type { ZooKeeperSession } from './zookeeper-session.js';

const NODES_IN_FLIGHT = 128;

/**
 * Watches every node below the root with the one-shot watches that all servers have: one on its data and one on its
 * children, set again after each event. For servers before 3.6. Arming costs two requests per node, and the server
 * keeps two watches for each, so their number is bounded; `isPartial` tells when the bound was met.
 *
 * A change is told only when the watches of its node are set again: whoever read it before that would not be told of
 * the next one.
 */
export class NodeWatches implements SubtreeWatch {
  readonly #armed = new Set<string>();
  /**
   * Nodes to arm, or to arm again, with what is to be told of each then. Each is in it once, so that a burst of events
   * costs one round.
   */
  readonly #due = new Map<string, WatchEventType>();
  readonly #signal: AbortSignal;
  #isPartial = false;
  #isArming = false;
  /** During the first arming every node is new, which is no news. */
  #tellsOfNewNodes = false;

  /** @param signal ends the arming that events cause */
  constructor(
    private readonly session: ZooKeeperSession,
    private readonly paths: MappingPaths,
    private readonly listener: SubtreeListener,
    private readonly nodesMax: number,
    signal: AbortSignal,
  ) {
    this.#signal = signal;
  }

  get isPartial(): boolean {
    return this.#isPartial;
  }

  async arm(signal: AbortSignal): Promise<void> {
    this.#due.set(this.paths.root, 'created');
    await this.#armDue(signal);
    this.#tellsOfNewNodes = true;
  }

  onEvent(event: WatchEvent): void {
    const { type, path } = event;
    const isRoot = path === this.paths.root;
    if (!isRoot && !this.#armed.has(path)) return;
    // Its parent's list tells when it is there again; the root has no parent that is watched.
    if (type === 'deleted') {
      this.#armed.delete(path);
      this.#tell(type, path);
    }
    if (type !== 'deleted' || isRoot) this.#owe(path, type);
    this.#armDue(this.#signal).catch(() => this.listener.broken());
  }

  async #armDue(signal: AbortSignal): Promise<void> {
    if (this.#isArming) return;
    this.#isArming = true;
    try {
      while (this.#due.size > 0) {
        const batch: (readonly [string, WatchEventType])[] = [];
        for (const due of this.#due) {
          if (batch.push(due) === NODES_IN_FLIGHT) break;
        }
        for (const [path] of batch) this.#due.delete(path);
        await concurrently(batch, NODES_IN_FLIGHT, ([path, type]) => this.#armNode(path, type, signal));
      }
    } finally {
      this.#isArming = false;
    }
  }

  /** Both requests leave together; each tells what it saw at the moment its watch was set. */
  async #armNode(path: string, type: WatchEventType, signal: AbortSignal): Promise<void> {
    if (path !== this.paths.root) this.#armed.add(path);
    const [node, children] = await Promise.all([
      this.session.exists(path, signal, true),
      this.session.getChildren(path, signal, true),
    ]);
    this.#tell(type, path);
    if (node.kind === 'no-node') {
      this.#armed.delete(path);
      return;
    }
    for (const name of children.kind === 'node' ? children.node.names : []) this.#meet(childPath(path, name));
  }

  #meet(path: string): void {
    if (this.#armed.has(path) || this.#due.has(path) || this.paths.isExcluded(path)) return;
    if (this.#armed.size + this.#due.size >= this.nodesMax) {
      this.#isPartial = true;
      return;
    }
    this.#owe(path, 'created');
  }

  /** That a node came tells of its parent as well, and is not forgotten for what happens to it since. */
  #owe(path: string, type: WatchEventType): void {
    if (this.#due.get(path) !== 'created') this.#due.set(path, type);
  }

  #tell(type: WatchEventType, path: string): void {
    if (!this.#tellsOfNewNodes) return;
    for (const key of keysToldBy({ type, path }, this.paths)) this.listener.changed(key);
  }
}
