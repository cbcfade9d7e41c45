import { ReplicaError } from '../ports/errors.js';
import { parentPath } from './mapping-paths.js';
import type { NodeReader } from './node-reader.js';
import { ownerSession } from './protocol.js';
import type { ZooKeeperSession } from './zookeeper-session.js';

/** What is known of the nodes above those that are to be created. */
export interface ParentState {
  /** Nodes that have to be made first. */
  readonly missing: ReadonlySet<string>;
  /** Nodes that are ephemeral, under which nothing can be created. */
  readonly ephemeral: ReadonlySet<string>;
}

const KNOWN_MAX = 10_000;

/**
 * Finds out which parents are missing. Remembers those that were seen, as an optimisation only: a write that fails
 * because one is gone (`NoNode`) applies nothing, and forgets all.
 */
export class ParentNodes {
  readonly #known = new Set<string>(['/']);

  constructor(
    private readonly session: ZooKeeperSession,
    private readonly reader: NodeReader,
  ) {
    // A chroot is a node like others, and need not exist.
    if (session.chroot !== '') this.#known.delete('/');
  }

  /** @param paths the parents needed, each with all of its own parents */
  async inspect(paths: Iterable<string>, signal: AbortSignal): Promise<ParentState> {
    const missing = new Set<string>();
    const ephemeral = new Set<string>();
    let unknown = new Set([...paths].filter((path) => !this.#known.has(path)));
    while (unknown.size > 0) {
      const asked = [...unknown];
      const answers = await this.reader.readNodes(asked, signal);
      unknown = new Set();
      for (const path of asked) {
        const answer = answers.get(path);
        if (answer?.kind === 'node' && ownerSession(answer.node.stat) !== undefined) ephemeral.add(path);
        else if (answer?.kind !== 'no-node') this.#remember(path);
        else missing.add(path);
      }
      for (const path of asked) {
        if (!missing.has(path)) continue;
        const above = parentPath(path);
        if (above === undefined) throw this.#chrootMissing();
        if (!this.#known.has(above) && !missing.has(above)) unknown.add(above);
      }
    }
    return { missing, ephemeral };
  }

  /** To be told of nodes that were just made. */
  made(paths: Iterable<string>): void {
    for (const path of paths) this.#remember(path);
  }

  /** To be told of a node that was just removed. */
  removed(path: string): void {
    this.#known.delete(path);
  }

  /** To be told of a write that failed because what was known of the nodes above was no longer so. */
  forgetAll(): void {
    this.#known.clear();
  }

  #remember(path: string): void {
    this.#known.delete(path);
    this.#known.add(path);
    const [oldest] = this.#known;
    if (this.#known.size > KNOWN_MAX && oldest !== undefined) this.#known.delete(oldest);
  }

  #chrootMissing(): ReplicaError {
    const { chroot, server } = this.session;
    const message =
      `the chroot ${chroot} of zookeeper.connect does not exist on ${server}: ` +
      'create it, or correct the connection string (nothing is created outside the mapped paths)';
    return new ReplicaError('CONFIG_INVALID', message, false);
  }
}

/** All nodes above a path, the nearest first, without `/`. */
export function ancestorsOf(path: string): string[] {
  const ancestors: string[] = [];
  for (let above = parentPath(path); above !== undefined && above !== '/'; above = parentPath(above)) {
    ancestors.push(above);
  }
  return ancestors;
}
