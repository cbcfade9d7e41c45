import type { StoredLedger } from '../ports/replica.js';
import { childPath } from './mapping-paths.js';
import { concurrently } from './concurrently.js';
import { ancestorsOf } from './parent-nodes.js';
import { versionOf } from './readings.js';
import type { AclEntry, NodeData } from './protocol.js';
import { refusedByServer, STATUS } from './zookeeper-errors.js';
import type { NodeAnswer, ZooKeeperSession } from './zookeeper-session.js';

const LISTS_IN_FLIGHT = 32;

/** The daemon's own small records: one node `<namespace>/<instance>/<mapping>` per mapping. */
export class LedgerNodes {
  constructor(
    private readonly session: ZooKeeperSession,
    private readonly namespaceRoot: string,
    private readonly acl: readonly AclEntry[],
  ) {}

  async read(path: string, signal: AbortSignal): Promise<StoredLedger | undefined> {
    const [, ledger] = await Promise.all([this.session.sync(path, signal), this.#ledger(path, signal)]);
    return ledger;
  }

  /**
   * The ledger in an answer.
   * @throws ZooKeeperError where it may not be read
   */
  stored(path: string, answer: NodeAnswer<NodeData>): StoredLedger | undefined {
    const found = this.#allowed('getData', path, answer);
    return found && { content: found.data.toString('utf8'), version: versionOf(found.stat) };
  }

  /** All ledgers by their place `<instance>/<mapping>`; to be called behind a `sync`. */
  async list(signal: AbortSignal): Promise<Map<string, StoredLedger>> {
    const instances = await this.#children(this.namespaceRoot, signal);
    const mappings = await concurrently(instances, LISTS_IN_FLIGHT, (path) => this.#children(path, signal));
    // What begins with a dot is no mapping's: the queues of candidates, for one.
    const places = mappings.flat().filter((path) => !path.slice(path.lastIndexOf('/') + 1).startsWith('.'));
    const ledgers = await concurrently(places, LISTS_IN_FLIGHT, async (path) => {
      const ledger = await this.#ledger(path, signal);
      return ledger && ([path.slice(this.namespaceRoot.length + 1), ledger] as const);
    });
    return new Map(ledgers.filter((ledger) => ledger !== undefined));
  }

  /** Makes the nodes above a ledger where they are missing. */
  async makeParents(path: string, signal: AbortSignal): Promise<void> {
    const ancestors = ancestorsOf(path);
    const found = await Promise.all(ancestors.map((ancestor) => this.session.exists(ancestor, signal)));
    // What an operator made for the daemon may stand below nodes that it may not write.
    const missing = ancestors.filter((_, index) => found[index]?.kind !== 'node');
    for (const ancestor of missing.reverse()) {
      const create = { kind: 'create', path: ancestor, data: new Uint8Array(), acl: this.acl } as const;
      const outcome = await this.session.multi([create], signal);
      const isThere = outcome.kind === 'applied' || outcome.status === STATUS.nodeExists;
      if (!isThere) throw refusedByServer(`create ${ancestor}`, this.session.server, outcome.status);
    }
  }

  async #ledger(path: string, signal: AbortSignal): Promise<StoredLedger | undefined> {
    return this.stored(path, await this.session.getData(path, signal));
  }

  async #children(path: string, signal: AbortSignal): Promise<string[]> {
    const found = this.#allowed('getChildren2', path, await this.session.getChildren(path, signal));
    return (found?.names ?? []).map((name) => childPath(path, name));
  }

  /** What is missing from a list of ledgers could be taken for a free mapping, so denial is an error here. */
  #allowed<T>(what: string, path: string, answer: NodeAnswer<T>): T | undefined {
    if (answer.kind === 'denied')
      throw refusedByServer(`${what} ${path}`, this.session.server, STATUS.noAuth);
    return answer.kind === 'node' ? answer.node : undefined;
  }
}
