import type { CatalogNode } from '../../ports/catalog.js';
import { SyncError } from '../../ports/errors.js';
import { ConsulError } from '../consul-errors.js';
import { failureKind } from '../transaction.js';
import type { CatalogClient } from './catalog-client.js';
import type { StoredNode } from './catalog-operation.js';
import { settleReads } from './catalog-reads.js';
import { servicesInWholeView } from './whole-view.js';

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

  /**
   * Removes it, when no copy is to be shown any more. Consul removes with a node whatever is on it, so that it has to be
   * proven that there is nothing; under its version, which moves when somebody registers on it as agents and most
   * programs do. (A transaction with a service alone does not move it: one between the list and the removal would go.)
   * @returns why it is still there; undefined where it is not
   * @throws ConsulError
   */
  async remove(signal: AbortSignal): Promise<string | undefined> {
    const { name } = this.node;
    const found = await this.#find(signal);
    if (found === 'missing') return undefined;
    if (typeof found === 'string') return 'Consul does not allow it to be read';
    if (!this.#isOurs(found)) return "it is not this daemon's";
    const seen = (await this.client.servicesOn(name, signal))?.length ?? 0;
    // The last before the removal.
    const services = seen > 0 ? seen : await servicesInWholeView(this.client, name, signal);
    if (services === undefined) return this.#notProven();
    if (services > 0) return `it still has ${services} ${services === 1 ? 'service' : 'services'}`;
    const remove = { on: 'node', verb: 'delete-cas', name, index: found.modifyIndex } as const;
    const answer = await this.client.transact([remove], { reads: false, operation: 'write' }, signal);
    this.#isThere = false;
    return answer.kind === 'passed' ? undefined : (answer.failures[0]?.what ?? 'refused');
  }

  async #find(signal: AbortSignal): Promise<StoredNode | 'missing' | 'denied'> {
    const get = { on: 'node', verb: 'get', name: this.node.name } as const;
    const [found = 'denied'] = await settleReads({ client: this.client }, [get], signal);
    if (typeof found === 'string') return found;
    return found.on === 'node' ? found.node : 'denied';
  }

  #notProven(): string {
    const request = `PUT ${this.client.address}/v1/catalog/deregister with ${JSON.stringify({ Node: this.node.name })}`;
    return (
      'it may have services that are not shown to this token, and Consul would remove them with it. Empty, it harms ' +
      `nobody. To remove it, make sure of that with a token that may read all services, and ${request}`
    );
  }

  #isOurs(found: StoredNode): boolean {
    const marks = Object.entries(this.node.meta);
    return found.id === '' && marks.every(([member, value]) => found.meta[member] === value);
  }

  async #accept(what: string, signal: AbortSignal): Promise<void> {
    const { name } = this.node;
    if (failureKind(what) !== 'stale') {
      const message = `node ${name} on ${this.client.address} can't be registered: ${what}`;
      const denied = failureKind(what) === 'denied';
      throw new ConsulError(denied ? 'STORE_DENIED' : 'STORE_UNREACHABLE', message, !denied, true);
    }
    const found = await this.#find(signal);
    if (typeof found === 'object' && this.#isOurs(found)) return;
    const advice = 'Set consul.node of the services to a name that no agent and no other daemon has';
    throw new SyncError('CONFIG_INVALID', `node ${name} in Consul's catalog is not this daemon's. ${advice}`);
  }
}
