import { randomUUID } from 'node:crypto';
import { CatalogReplica } from '../../../src/consul/catalog/catalog-replica.js';
import type { CatalogReplicaOptions } from '../../../src/consul/catalog/catalog-replica.js';
import type { ConsulClient } from '../../../src/consul/consul-client.js';
import type { CatalogRegistration } from '../../../src/ports/catalog.js';
import { curatorFormat } from '../../../src/services/formats/curator.js';
import { ServiceTranslation } from '../../../src/services/service-translation.js';
import type { ServiceSettings } from '../../../src/services/service-translation.js';
import { digest, systemClock, systemRandom } from './replica-fixture.js';

export function translationOf(settings: Partial<ServiceSettings> = {}): ServiceTranslation {
  return new ServiceTranslation({
    bridge: 'test',
    list: 'apps',
    format: curatorFormat({ springPayload: false }),
    node: 'zookeeper',
    tags: [],
    namePrefix: '',
    rename: new Map(),
    include: ['**'],
    exclude: [],
    dnsNames: true,
    ...settings,
  });
}

export function catalogOf(
  client: ConsulClient,
  translation: ServiceTranslation,
  options: Partial<CatalogReplicaOptions> = {},
): CatalogReplica {
  return new CatalogReplica({
    client,
    translation,
    ledgerKey: `zk-consul-sync/test/${randomUUID()}`,
    namespacePrefix: 'zk-consul-sync/',
    digest,
    clock: systemClock,
    random: systemRandom,
    ...options,
  });
}

export interface SeenInstance {
  readonly registration: CatalogRegistration;
  readonly nodeMeta: Readonly<Record<string, string>>;
  readonly statuses: readonly string[];
}

interface RawInstance {
  readonly Node: { readonly Node: string; readonly Meta: Record<string, string> | null };
  readonly Service: {
    readonly ID: string;
    readonly Service: string;
    readonly Address: string;
    readonly Port: number;
    readonly Tags: string[] | null;
    readonly Meta: Record<string, string> | null;
    readonly Weights: { readonly Passing: number };
  };
  readonly Checks: readonly { readonly Status: string }[];
}

/** Plain requests to a Consul, real or in memory. */
export interface RawRequests {
  request(
    method: string,
    path: string,
    body?: string,
  ): Promise<{ readonly status: number; readonly text: string }>;
}

/** What any program may do with a catalog. */
export class CatalogUser {
  constructor(readonly raw: RawRequests) {}

  async register(registration: CatalogRegistration, status?: string): Promise<void> {
    await this.transact([this.operation(registration), ...this.check(registration, status)]);
  }

  async deregister({
    node,
    id,
    service,
  }: Pick<CatalogRegistration, 'node' | 'id' | 'service'>): Promise<void> {
    const operation = { Service: { Verb: 'delete', Node: node, Service: { ID: id, Service: service } } };
    await this.transact([operation]);
  }

  async setStatus(registration: CatalogRegistration, status: string): Promise<void> {
    await this.transact(this.check(registration, status));
  }

  async makeNode(node: string, meta: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.transact([{ Node: { Verb: 'set', Node: { Node: node, Address: '127.0.0.1', Meta: meta } } }]);
  }

  operation({ node, id, service, address, port, tags, meta, weight }: CatalogRegistration): unknown {
    const weights = { Passing: weight, Warning: 1 };
    const fields = {
      ID: id,
      Service: service,
      Address: address,
      Port: port,
      Tags: tags,
      Meta: meta,
      Weights: weights,
    };
    return { Service: { Verb: 'set', Node: node, Service: fields } };
  }

  async transact(operations: readonly unknown[]): Promise<void> {
    const { status, text } = await this.raw.request('PUT', '/v1/txn', JSON.stringify(operations));
    if (status !== 200) throw new Error(`a transaction on the catalog: ${status} ${text}`);
  }

  /** All instances of a service, as clients of Consul see them, with what their checks say. */
  async instances(service: string): Promise<readonly SeenInstance[]> {
    const path = `/v1/health/service/${encodeURIComponent(service)}?consistent`;
    const { text } = await this.raw.request('GET', path);
    return (JSON.parse(text) as RawInstance[]).map(({ Node, Service, Checks }) => ({
      registration: {
        node: Node.Node,
        id: Service.ID,
        service: Service.Service,
        address: Service.Address,
        port: Service.Port,
        tags: Service.Tags ?? [],
        meta: Service.Meta ?? {},
        weight: Service.Weights.Passing,
      },
      nodeMeta: Node.Meta ?? {},
      statuses: Checks.map(({ Status }) => Status),
    }));
  }

  private check({ node, id }: CatalogRegistration, status: string | undefined): unknown[] {
    if (status === undefined) return [];
    return [
      {
        Check: {
          Verb: 'set',
          Check: { Node: node, CheckID: `c:${id}`, Name: 'c', Status: status, ServiceID: id },
        },
      },
    ];
  }
}
