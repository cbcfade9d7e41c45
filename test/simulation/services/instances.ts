import type { CatalogTables, ServiceRow } from '../../kit/memory-consul/catalog-tables.js';
import type { MemoryTree } from '../../kit/memory-store/memory-tree.js';
import type { BridgeSetup, FormatName, ServicesSetup } from './plan.js';
import { copyName, inCatalog, inTree, isExcluded, ownerOf } from './service-names.js';

/** What an instance says of itself, as far as plans vary it. */
export interface Content {
  readonly address: string;
  readonly port: number;
  readonly weight: number;
  readonly zone: string;
}

export const LIST = 'apps';
export const OWNER = 'zk-consul-sync';
const SPRING = 'org.springframework.cloud.zookeeper.discovery.ZookeeperInstance';

/** Of the revision of a registration. */
export function contentOf(revision: number): Content {
  return {
    address: `10.0.0.${revision % 250}`,
    port: 10_000 + revision,
    weight: 1 + (revision % 4),
    zone: `zone-${revision % 3}`,
  };
}

/** The node of an instance, as the programs of its format write it. */
export function nodeData(
  format: FormatName,
  service: string,
  id: string,
  content: Content,
  isUp: boolean,
): string {
  const { address, port, weight, zone } = content;
  switch (format) {
    case 'curator':
      return JSON.stringify({ name: service, id, address, port, ...(!isUp && { enabled: false }) });
    case 'spring': {
      const metadata = { zone, instance_status: isUp ? 'UP' : 'OUT_OF_SERVICE' };
      return JSON.stringify({
        name: service,
        id,
        address,
        port,
        payload: { '@class': SPRING, id, name: service, metadata },
      });
    }
    case 'serverset':
      return JSON.stringify({
        serviceEndpoint: { host: address, port },
        additionalEndpoints: {},
        status: isUp ? 'ALIVE' : 'DEAD',
      });
    case 'nerve':
      return JSON.stringify({ host: address, port, name: id, weight });
  }
}

/** What a node says, in the words that are compared; undefined where it is no instance that takes traffic. */
export function nodeText(format: FormatName, data: Uint8Array | undefined): string | undefined {
  const node = parse(data);
  if (node === undefined) return undefined;
  switch (format) {
    case 'curator':
      return node['enabled'] === false ? undefined : told(node['address'], node['port']);
    case 'spring': {
      const { metadata = {} } = (node['payload'] ?? {}) as { metadata?: Record<string, unknown> };
      const isUp = (metadata['instance_status'] ?? 'UP') === 'UP';
      return isUp ? told(node['address'], node['port'], metadata['zone']) : undefined;
    }
    case 'serverset': {
      const { host, port } = (node['serviceEndpoint'] ?? {}) as Record<string, unknown>;
      return node['status'] === 'ALIVE' ? told(host, port) : undefined;
    }
    case 'nerve':
      return told(node['host'], node['port'], node['weight'] ?? 1);
  }
}

function rowText(format: FormatName, row: ServiceRow, tables: CatalogTables): string {
  const address = row.address === '' ? (tables.node.get(row.node)?.address ?? '') : row.address;
  if (format === 'spring') return told(address, row.port, row.meta['zone']) ?? '';
  return told(address, row.port, ...(format === 'nerve' ? [row.weight] : [])) ?? '';
}

function told(address: unknown, port: unknown, ...more: readonly unknown[]): string | undefined {
  if (typeof address !== 'string' || typeof port !== 'number') return undefined;
  return [address, port, ...more].join(' ');
}

function parse(data: Uint8Array | undefined): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(data ?? []).toString());
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** Of one bridge: what registered itself on one side, or what stands there for the other, by the keys of entries. */
export type Shown = ReadonlyMap<string, string>;

/** All that there is for one bridge, worked out from the stores alone. */
export class BridgeView {
  readonly node: string;

  constructor(
    readonly setup: ServicesSetup,
    readonly bridge: BridgeSetup,
    private readonly tree: MemoryTree,
    private readonly tables: () => CatalogTables,
  ) {
    this.node = `zk-consul-sync-${bridge.instance}`;
  }

  /** Instances that registered in the tree, and are to be found in the catalog. */
  originalsInTree(exclude: readonly string[]): Shown {
    const shown = new Map<string, string>();
    if (this.setup.direction === 'consul-to-zookeeper') return shown;
    for (const [key, data] of this.#nodes()) {
      const [service = '', id = ''] = key.split('/');
      const { format } = this.setup;
      const takesPart = format !== 'serverset' || id.startsWith('member_');
      if (!takesPart || ownerOf(format, id) !== undefined || isExcluded(exclude, service)) continue;
      const text = nodeText(format, data);
      if (text !== undefined && !this.#hasChildren(key)) {
        shown.set(key, `${inCatalog(this.setup, service)} ${text} [${this.setup.tags.join()}]`);
      }
    }
    return shown;
  }

  /** Instances that registered in the catalog, and are to be found in the tree, by the keys of their copies. */
  originalsInCatalog(exclude: readonly string[]): Shown {
    const shown = new Map<string, string>();
    if (this.setup.direction === 'zookeeper-to-consul') return shown;
    const tables = this.tables();
    const { format, onlyPassing } = this.setup;
    for (const row of tables.service.values()) {
      if (row.node === this.node || row.meta[OWNER] !== undefined || row.service === 'consul') continue;
      const service = inTree(this.setup, row.service);
      if (isExcluded(exclude, service) || (onlyPassing && !tables.isPassing(row))) continue;
      const key = `${service}/${copyName(format, this.bridge.instance, row.node, row.id)}`;
      shown.set(key, rowText(format, row, tables));
    }
    return shown;
  }

  /** Copies of the catalog's instances, by their keys. */
  copiesInTree(): Shown {
    const { format } = this.setup;
    const own = [...this.#nodes()].filter(
      ([key]) => ownerOf(format, key.split('/')[1] ?? '') === this.bridge.instance,
    );
    return new Map(own.map(([key, data]) => [key, nodeText(format, data) ?? `none: ${String(data.length)}`]));
  }

  /** Copies of the tree's instances that say of themselves that they are. */
  copiesInCatalog(): Shown {
    const tables = this.tables();
    const own = tables.servicesOn(this.node).filter((row) => this.isOwn(row));
    return new Map(
      own.map((row) => [
        row.id.slice(LIST.length + 1),
        `${row.service} ${rowText(this.setup.format, row, tables)} [${row.tags.join()}]`,
      ]),
    );
  }

  /** How many nodes there are below the base path. */
  get nodes(): number {
    return this.tree.children(this.bridge.root).size + [...this.#nodes()].length;
  }

  isOwn({ node, id, meta }: ServiceRow): boolean {
    return (
      node === this.node &&
      id.startsWith(`${LIST}/`) &&
      meta[OWNER] === `${this.bridge.instance}/${LIST}` &&
      meta['external-source'] === 'zookeeper'
    );
  }

  #hasChildren(key: string): boolean {
    return this.tree.children(`${this.bridge.root}/${key}`).size > 0;
  }

  /** All nodes two levels below the base path, by `<service>/<id>`. */
  *#nodes(): Generator<readonly [string, Uint8Array]> {
    const { root } = this.bridge;
    for (const service of this.tree.children(root)) {
      for (const id of this.tree.children(`${root}/${service}`)) {
        yield [`${service}/${id}`, this.tree.node(`${root}/${service}/${id}`)?.data ?? new Uint8Array()];
      }
    }
  }
}
