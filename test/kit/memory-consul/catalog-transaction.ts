import type {
  CatalogTables,
  CheckRow,
  KeyRow,
  NodeRow,
  RowChange,
  Rows,
  ServiceRow,
  TableName,
} from './catalog-tables.js';
import { placeOfRow } from './catalog-tables.js';

/** Operations of `/v1/txn`, in the spelling of its JSON; only what is used here. */
export interface RawOperation {
  readonly KV?: {
    readonly Verb: string;
    readonly Key: string;
    readonly Value?: string;
    readonly Flags?: number;
    readonly Index?: number;
  };
  readonly Service?: { readonly Verb: string; readonly Node: string; readonly Service: RawService };
  readonly Node?: { readonly Verb: string; readonly Node: RawNode };
  readonly Check?: { readonly Verb: string; readonly Check: RawCheck };
}

export interface RawService {
  readonly ID: string;
  readonly Service?: string;
  readonly Address?: string;
  readonly Port?: number;
  readonly Tags?: readonly string[] | null;
  readonly Meta?: Readonly<Record<string, string>> | null;
  readonly Weights?: { readonly Passing: number };
  readonly ModifyIndex?: number;
}

export interface RawNode {
  readonly Node: string;
  readonly ID?: string;
  readonly Address?: string;
  readonly Meta?: Readonly<Record<string, string>> | null;
  readonly ModifyIndex?: number;
}

export interface RawCheck {
  readonly Node: string;
  readonly CheckID: string;
  readonly Status?: string;
  readonly ServiceID?: string;
}

export type Outcome =
  { readonly kind: 'done'; readonly result?: unknown } | { readonly kind: 'failed'; readonly what: string };

const DONE: Outcome = { kind: 'done' };
const failed = (what: string): Outcome => ({ kind: 'failed', what });

/** One transaction on the way: every operation sees what those before it did. */
export class CatalogTransaction {
  readonly changes: RowChange[] = [];

  constructor(
    private readonly tables: CatalogTables,
    private readonly index: bigint,
  ) {}

  carryOut(operation: RawOperation): Outcome {
    if (operation.KV !== undefined) return this.#onKey(operation.KV);
    if (operation.Service !== undefined) return this.#onService(operation.Service);
    if (operation.Node !== undefined) return this.#onNode(operation.Node);
    if (operation.Check !== undefined) return this.#onCheck(operation.Check);
    return failed('unknown operation');
  }

  #onKey({ Verb, Key, Value = '', Flags = 0, Index = 0 }: NonNullable<RawOperation['KV']>): Outcome {
    const row = this.tables.key.get(Key);
    const isAt = BigInt(Index) === (row?.modifyIndex ?? 0n);
    switch (Verb) {
      case 'get':
        return row === undefined
          ? failed(`key ${JSON.stringify(Key)} doesn't exist`)
          : { kind: 'done', result: { KV: rawKey(row, true) } };
      case 'cas':
        if (!isAt) return failed(`failed to set key ${JSON.stringify(Key)}, index is stale`);
        break;
      case 'set':
        break;
      case 'delete':
        if (row !== undefined) this.#put('key', Key, undefined);
        return DONE;
      default:
        return failed(`unknown KV verb ${Verb}`);
    }
    const flags = BigInt(Flags);
    const same = row?.value === Value && row.flags === flags ? row : undefined;
    const next = same ?? { key: Key, value: Value, flags, ...this.#stand(row) };
    if (same === undefined) this.#put('key', Key, next);
    return { kind: 'done', result: { KV: rawKey(next, false) } };
  }

  #onService({ Verb, Node, Service }: NonNullable<RawOperation['Service']>): Outcome {
    const place = placeOfRow(Node, Service.ID);
    const row = this.tables.service.get(place);
    const isAt = BigInt(Service.ModifyIndex ?? 0) === (row?.modifyIndex ?? 0n);
    const named = `service ${JSON.stringify(Service.ID)} on node ${JSON.stringify(Node)}`;
    switch (Verb) {
      case 'get':
        return row === undefined
          ? failed(`${named} doesn't exist`)
          : { kind: 'done', result: { Service: rawService(row) } };
      case 'delete-cas':
        // Unlike a key's, it fails where there is nothing.
        if (row === undefined || !isAt) return failed(`failed to delete ${named}, index is stale`);
        this.#removeService(row);
        return DONE;
      case 'delete':
        if (row !== undefined) this.#removeService(row);
        return DONE;
      case 'cas':
        if (!isAt) return failed(`failed to set ${named}, index is stale`);
        break;
      case 'set':
        break;
      default:
        return failed(`unknown Service verb ${Verb}`);
    }
    if (!this.tables.node.has(Node)) return failed('Missing node registration');
    const next = this.#serviceRow(Node, Service, row);
    if (next !== row) this.#put('service', place, next);
    return { kind: 'done', result: { Service: rawService(next) } };
  }

  #serviceRow(node: string, raw: RawService, row: ServiceRow | undefined): ServiceRow {
    const content = {
      node,
      id: raw.ID,
      service: raw.Service ?? '',
      address: raw.Address ?? '',
      port: raw.Port ?? 0,
      tags: raw.Tags ?? [],
      meta: raw.Meta ?? {},
      weight: raw.Weights?.Passing ?? 1,
    };
    return row !== undefined && isSame(row, content) ? row : { ...content, ...this.#stand(row) };
  }

  #removeService({ node, id }: ServiceRow): void {
    for (const check of this.tables.check.values())
      if (check.node === node && check.serviceId === id) this.#removeCheck(check);
    this.#put('service', placeOfRow(node, id), undefined);
  }

  #onNode({ Verb, Node: raw }: NonNullable<RawOperation['Node']>): Outcome {
    const row = this.tables.node.get(raw.Node);
    const isAt = BigInt(raw.ModifyIndex ?? 0) === (row?.modifyIndex ?? 0n);
    const named = `node ${JSON.stringify(raw.Node)}`;
    switch (Verb) {
      case 'get':
        return row === undefined
          ? failed(`${named} doesn't exist`)
          : { kind: 'done', result: { Node: rawNode(row) } };
      case 'delete-cas':
        if (row === undefined || !isAt) return failed(`failed to delete ${named}, index is stale`);
        this.#removeNode(row);
        return DONE;
      case 'delete':
        if (row !== undefined) this.#removeNode(row);
        return DONE;
      case 'cas':
        if (!isAt) return failed(`failed to set ${named}, index is stale`);
        break;
      case 'set':
        break;
      default:
        return failed(`unknown Node verb ${Verb}`);
    }
    const content = {
      name: raw.Node,
      id: raw.ID ?? '',
      address: raw.Address ?? '',
      meta: raw.Meta ?? {},
    };
    const next = row !== undefined && isSame(row, content) ? row : { ...content, ...this.#stand(row) };
    if (next !== row) this.#put('node', next.name, next);
    return { kind: 'done', result: { Node: rawNode(next) } };
  }

  #removeNode({ name }: NodeRow): void {
    for (const row of this.tables.servicesOn(name)) this.#removeService(row);
    for (const check of this.tables.check.values()) if (check.node === name) this.#removeCheck(check);
    this.#put('node', name, undefined);
  }

  #onCheck({ Verb, Check: raw }: NonNullable<RawOperation['Check']>): Outcome {
    const place = placeOfRow(raw.Node, raw.CheckID);
    const row = this.tables.check.get(place);
    const serviceId = raw.ServiceID ?? '';
    if (Verb === 'get') {
      const what = `check ${JSON.stringify(raw.CheckID)} on node ${JSON.stringify(raw.Node)}`;
      return row === undefined
        ? failed(`${what} doesn't exist`)
        : { kind: 'done', result: { Check: rawCheck(row) } };
    }
    if (Verb === 'delete') {
      if (row !== undefined) this.#removeCheck(row);
      return DONE;
    }
    if (Verb !== 'set') return failed(`unknown Check verb ${Verb}`);
    if (!this.tables.node.has(raw.Node)) return failed('Missing node registration');
    if (serviceId !== '' && !this.tables.service.has(placeOfRow(raw.Node, serviceId))) {
      return failed('Missing service registration');
    }
    const content = { node: raw.Node, id: raw.CheckID, serviceId, status: raw.Status ?? 'critical' };
    const next = row !== undefined && isSame(row, content) ? row : { ...content, ...this.#stand(row) };
    if (next !== row) this.#put('check', place, next);
    return { kind: 'done', result: { Check: rawCheck(next) } };
  }

  #removeCheck({ node, id }: CheckRow): void {
    this.#put('check', placeOfRow(node, id), undefined);
  }

  #stand(row: { readonly createIndex: bigint } | undefined): { createIndex: bigint; modifyIndex: bigint } {
    return { createIndex: row?.createIndex ?? this.index, modifyIndex: this.index };
  }

  #put<K extends TableName>(table: K, place: string, row: Rows[K] | undefined): void {
    const rows = this.tables[table] as Map<string, Rows[K]>;
    const change = { table, before: rows.get(place), after: row } as RowChange;
    if (row === undefined) rows.delete(place);
    else rows.set(place, row);
    this.changes.push(change);
    this.tables.note(change, this.index);
  }
}

/** Whether a row says that already. */
function isSame(row: NodeRow | ServiceRow | CheckRow, content: object): boolean {
  const known = row as unknown as Readonly<Record<string, unknown>>;
  return Object.entries(content).every(([name, value]) => canonical(known[name]) === canonical(value));
}

function canonical(value: unknown): string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return JSON.stringify(value);
  return JSON.stringify(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function indexes({ createIndex, modifyIndex }: { createIndex: bigint; modifyIndex: bigint }) {
  return { CreateIndex: Number(createIndex), ModifyIndex: Number(modifyIndex) };
}

export function rawKey(row: KeyRow, withValue: boolean): unknown {
  const { key, value, flags } = row;
  const shown = withValue && value !== '' ? value : null;
  return { LockIndex: 0, Key: key, Flags: Number(flags), Value: shown, ...indexes(row) };
}

export function rawService(row: ServiceRow): unknown {
  const { id, service, tags, address, meta, port, weight } = row;
  const shown = { ID: id, Service: service, Tags: tags, Address: address, Meta: meta, Port: port };
  return { ...shown, Weights: { Passing: weight, Warning: 1 }, ...indexes(row) };
}

export function rawNode(row: NodeRow): unknown {
  const { name, id, address, meta } = row;
  return { ID: id, Node: name, Address: address, Meta: meta, ...indexes(row) };
}

export function rawCheck(row: CheckRow): unknown {
  const { node, id, serviceId, status } = row;
  return { Node: node, CheckID: id, Status: status, ServiceID: serviceId, ...indexes(row) };
}
