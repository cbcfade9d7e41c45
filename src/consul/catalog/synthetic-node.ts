import type { CatalogNode } from '../../ports/catalog.js';
import { SyncError } from '../../ports/errors.js';
import { ConsulError } from '../consul-errors.js';
import { failureKind } from '../transaction.js';
import type { CatalogClient } from './catalog-client.js';
import { settleReads } from './catalog-reads.js';

/** The node on which copies stand. No agent has it: an agent would remove all that it does not know. */
export class SyntheticNode {
  #isThere = false;

  constructor(
    readonly client: CatalogClient,
    readonly node: CatalogNode,
  ) {}

  /**
   * Makes the node where it is missing.
   * @throws SyncError `CONFIG_INVALID` where a node of this name is somebody else's
   * @throws ConsulError
   */
  async ensure(signal: AbortSignal): Promise<void> {
    if (this.#isThere) return;
    const create = { on: 'node', verb: 'create', node: this.node } as const;
    const answer = await this.client.transact([create], { reads: false, operation: 'write' }, signal);
    if (answer.kind === 'failed') await this.#accept(answer.failures[0]?.what ?? '', signal);
    this.#isThere = true;
  }

  /** To be told of a write that failed because the node was gone. */
  forget(): void {
    this.#isThere = false;
  }

  async #accept(what: string, signal: AbortSignal): Promise<void> {
    const { name, meta } = this.node;
    if (failureKind(what) !== 'stale') {
      const message = `node ${name} on ${this.client.address} can't be registered: ${what}`;
      const denied = failureKind(what) === 'denied';
      throw new ConsulError(denied ? 'STORE_DENIED' : 'STORE_UNREACHABLE', message, !denied, true);
    }
    const [found] = await settleReads({ client: this.client }, [{ on: 'node', verb: 'get', name }], signal);
    const isOurs =
      typeof found === 'object' &&
      found.on === 'node' &&
      found.node.id === '' &&
      Object.entries(meta).every(([member, value]) => found.node.meta[member] === value);
    if (isOurs) return;
    const advice = 'Set consul.node of the services to a name that no agent and no other daemon has';
    throw new SyncError('CONFIG_INVALID', `node ${name} in Consul's catalog is not this daemon's. ${advice}`);
  }
}
