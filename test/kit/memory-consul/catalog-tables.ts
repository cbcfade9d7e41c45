/** Rows as they stand. Never changed in place: another write makes another one. */
export interface NodeRow {
  readonly name: string;
  /** Empty where no agent has registered it. */
  readonly id: string;
  readonly address: string;
  readonly meta: Readonly<Record<string, string>>;
  readonly createIndex: bigint;
  readonly modifyIndex: bigint;
}

export interface ServiceRow {
  readonly node: string;
  readonly id: string;
  readonly service: string;
  readonly address: string;
  readonly port: number;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  readonly weight: number;
  readonly createIndex: bigint;
  readonly modifyIndex: bigint;
}

export interface CheckRow {
  readonly node: string;
  readonly id: string;
  /** Empty for a check of the node. */
  readonly serviceId: string;
  readonly status: string;
  readonly createIndex: bigint;
  readonly modifyIndex: bigint;
}

export interface KeyRow {
  readonly key: string;
  /** In base64. */
  readonly value: string;
  readonly flags: bigint;
  readonly createIndex: bigint;
  readonly modifyIndex: bigint;
}

/** Rows by table and place. */
export interface Rows {
  readonly node: NodeRow;
  readonly service: ServiceRow;
  readonly check: CheckRow;
  readonly key: KeyRow;
}

export type TableName = keyof Rows;

/** What one write did to one row. */
export type RowChange = {
  [K in TableName]: {
    readonly table: K;
    readonly before: Rows[K] | undefined;
    readonly after: Rows[K] | undefined;
  };
}[TableName];

/** All that a Consul cluster holds, as far as it matters here, with the indexes that its blocking queries go by. */
export class CatalogTables {
  index = 1n;
  /** The last registration of an instance, change of one, or removal. */
  servicesIndex = 1n;
  /** The last change of any check. */
  checksIndex = 1n;
  /** The last change of an instance of each service, of its checks or its node. */
  readonly serviceIndexes: Map<string, bigint>;
  /** When a service lost its last instance. */
  extinctionIndex = 1n;
  readonly node: Map<string, NodeRow>;
  readonly service: Map<string, ServiceRow>;
  readonly check: Map<string, CheckRow>;
  readonly key: Map<string, KeyRow>;

  constructor(from?: CatalogTables) {
    this.node = new Map(from?.node);
    this.service = new Map(from?.service);
    this.check = new Map(from?.check);
    this.key = new Map(from?.key);
    this.serviceIndexes = new Map(from?.serviceIndexes);
    if (from === undefined) return;
    this.index = from.index;
    this.servicesIndex = from.servicesIndex;
    this.checksIndex = from.checksIndex;
    this.extinctionIndex = from.extinctionIndex;
  }

  instances(service: string): ServiceRow[] {
    return [...this.service.values()].filter((row) => row.service === service);
  }

  servicesOn(node: string): ServiceRow[] {
    return [...this.service.values()].filter((row) => row.node === node);
  }

  /** Those of the instance and of its node. */
  checksOf({ node, id }: Pick<ServiceRow, 'node' | 'id'>): CheckRow[] {
    const isOf = (row: CheckRow): boolean =>
      row.node === node && (row.serviceId === id || row.serviceId === '');
    return [...this.check.values()].filter(isOf);
  }

  isPassing(instance: Pick<ServiceRow, 'node' | 'id'>): boolean {
    return this.checksOf(instance).every(({ status }) => status === 'passing');
  }

  /** As `/v1/health/service/NAME` tells it. */
  serviceIndex(service: string): bigint {
    return this.serviceIndexes.get(service) ?? this.extinctionIndex;
  }

  /** Moves the indexes to where this change was written. */
  note(change: RowChange, index: bigint): void {
    switch (change.table) {
      case 'service':
        this.servicesIndex = index;
        for (const row of [change.before, change.after]) if (row) this.#noteService(row.service, index);
        return;
      case 'check':
        this.checksIndex = index;
        for (const row of [change.before, change.after]) if (row) this.#noteChecked(row, index);
        return;
      case 'node': {
        const name = (change.after ?? change.before)?.name ?? '';
        for (const { service } of this.servicesOn(name)) this.#noteService(service, index);
        return;
      }
      case 'key':
        return;
    }
  }

  #noteService(service: string, index: bigint): void {
    if (this.instances(service).length > 0) {
      this.serviceIndexes.set(service, index);
      return;
    }
    this.serviceIndexes.delete(service);
    this.extinctionIndex = index;
  }

  #noteChecked({ node, serviceId }: CheckRow, index: bigint): void {
    for (const { id, service } of this.servicesOn(node))
      if (serviceId === '' || serviceId === id) this.#noteService(service, index);
  }
}

/** Where a row stands in its table. */
export function placeOfRow(...parts: readonly string[]): string {
  return JSON.stringify(parts);
}
