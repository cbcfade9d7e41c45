import type { CatalogNode, CatalogRegistration } from '../../ports/catalog.js';
import {
  decodeEntry,
  decodeFailure,
  encodeOperation,
  exactNumber,
  isRecord,
  listOf,
  parseExact,
} from '../transaction.js';
import type { OperationFailure, StoredEntry, TransactionOperation } from '../transaction.js';

/** Operations of `/v1/txn` on the catalog; docs/decisions/0009-services-are-entries.md has what each of them does. */
export type CatalogOperation =
  | { readonly on: 'key'; readonly operation: TransactionOperation }
  | { readonly on: 'service'; readonly verb: 'get'; readonly node: string; readonly id: string }
  /** 0 where it must not exist. */
  | {
      readonly on: 'service';
      readonly verb: 'cas';
      readonly registration: CatalogRegistration;
      readonly index: bigint;
    }
  /** Fails where it is gone already. Takes its checks with it. */
  | {
      readonly on: 'service';
      readonly verb: 'delete-cas';
      readonly node: string;
      readonly id: string;
      readonly service: string;
      readonly index: bigint;
    }
  /** The check of a copy, which passes as long as the copy is there. */
  | { readonly on: 'check'; readonly verb: 'set'; readonly registration: CatalogRegistration }
  | { readonly on: 'check'; readonly verb: 'get'; readonly node: string; readonly id: string }
  | { readonly on: 'node'; readonly verb: 'get'; readonly name: string }
  /** Fails where it exists. */
  | { readonly on: 'node'; readonly verb: 'create'; readonly node: CatalogNode }
  | { readonly on: 'node'; readonly verb: 'delete-cas'; readonly name: string; readonly index: bigint };

/** A service as a transaction tells of it. Its node is the one that was asked for. */
export interface StoredService {
  readonly id: string;
  readonly service: string;
  readonly createIndex: bigint;
  readonly modifyIndex: bigint;
  /** Its own; empty where it is its node's. */
  readonly address: string;
  readonly port: number;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  readonly weight: number;
  /** Something of Consul's service mesh, and nothing that clients look for. */
  readonly isProxy: boolean;
}

export interface StoredNode {
  /** Empty where no agent has registered it. */
  readonly id: string;
  readonly modifyIndex: bigint;
  readonly meta: Readonly<Record<string, string>>;
}

export type CatalogResult =
  | { readonly on: 'key'; readonly entry: StoredEntry }
  | { readonly on: 'service'; readonly service: StoredService }
  | { readonly on: 'node'; readonly node: StoredNode }
  | { readonly on: 'check'; readonly isPassing: boolean };

export type CatalogAnswer =
  /** In the order of the operations; without those that delete, and what the token may not read. */
  | { readonly kind: 'passed'; readonly results: readonly CatalogResult[] }
  | { readonly kind: 'failed'; readonly failures: readonly OperationFailure[] };

/** The synthetic node has no machine; clients connect to the services' own addresses. */
const NODE_ADDRESS = '127.0.0.1';

export function encodeCatalogTransaction(operations: readonly CatalogOperation[]): Buffer {
  return Buffer.from(`[${operations.map(encodeOne).join(',')}]`);
}

function encodeOne(operation: CatalogOperation): string {
  switch (operation.on) {
    case 'key':
      return encodeOperation(operation.operation);
    case 'node':
      return encodeNode(operation);
    case 'check':
      return encodeCheck(operation);
    case 'service':
      return encodeService(operation);
  }
}

function encodeCheck(operation: CatalogOperation & { on: 'check' }): string {
  const check =
    operation.verb === 'set'
      ? checkOf(operation.registration)
      : { Node: operation.node, CheckID: checkIdOf(operation.id) };
  return `{"Check":{"Verb":"${operation.verb}","Check":${JSON.stringify(check)}}}`;
}

function encodeNode(operation: CatalogOperation & { on: 'node' }): string {
  if (operation.verb === 'get') {
    return `{"Node":{"Verb":"get","Node":${JSON.stringify({ Node: operation.name })}}}`;
  }
  if (operation.verb === 'delete-cas') {
    const { name, index } = operation;
    return `{"Node":{"Verb":"delete-cas","Node":${withIndex({ Node: name }, index)}}}`;
  }
  const { name, meta } = operation.node;
  const node = { Node: name, Address: NODE_ADDRESS, Meta: meta, ModifyIndex: 0 };
  return `{"Node":{"Verb":"cas","Node":${JSON.stringify(node)}}}`;
}

function encodeService(operation: CatalogOperation & { on: 'service' }): string {
  switch (operation.verb) {
    case 'get':
      return wrapService('get', operation.node, JSON.stringify({ ID: operation.id }));
    case 'delete-cas': {
      const { node, id, service, index } = operation;
      return wrapService('delete-cas', node, withIndex({ ID: id, Service: service }, index));
    }
    case 'cas': {
      const { node, id, service, address, port, tags, meta, weight } = operation.registration;
      const weights = { Passing: weight, Warning: 1 };
      const fields = { ID: id, Service: service, Address: address, Port: port, Tags: tags, Meta: meta };
      return wrapService('cas', node, withIndex({ ...fields, Weights: weights }, operation.index));
    }
  }
}

function wrapService(verb: string, node: string, service: string): string {
  return `{"Service":{"Verb":"${verb}","Node":${JSON.stringify(node)},"Service":${service}}}`;
}

/** By hand, since JSON's numbers lose bits here. */
function withIndex(fields: Readonly<Record<string, unknown>>, index: bigint): string {
  return `${JSON.stringify(fields).slice(0, -1)},"ModifyIndex":${index}}`;
}

/** Of the check of the copy with this id. */
export function checkIdOf(id: string): string {
  return `registered:${id}`;
}

function checkOf({ node, id, service }: CatalogRegistration): unknown {
  return {
    Node: node,
    CheckID: checkIdOf(id),
    Name: 'Registered in ZooKeeper',
    Status: 'passing',
    ServiceID: id,
    // Consul knows it by the id, and asks for permission to write the service that is named here.
    ServiceName: service,
  };
}

/**
 * @param passed whether the answer's status was 200 (else 409)
 * @throws Error with the fault when this is not the answer to a transaction
 */
export function decodeCatalogTransaction(body: Buffer, passed: boolean): CatalogAnswer {
  const answer = parseExact(body);
  if (!isRecord(answer)) throw new Error('the answer to a transaction is not an object');
  if (passed) return { kind: 'passed', results: listOf(answer['Results']).map(decodeResult) };
  const failures = listOf(answer['Errors']).map(decodeFailure);
  if (failures.length === 0) throw new Error('a failed transaction names no failed operation');
  return { kind: 'failed', failures };
}

function decodeResult(value: unknown): CatalogResult {
  if (!isRecord(value)) throw new Error('a result of a transaction is not an object');
  if ('Service' in value) return { on: 'service', service: decodeService(value['Service']) };
  if ('KV' in value) return { on: 'key', entry: decodeEntry(value['KV']) };
  if (isRecord(value['Check'])) return { on: 'check', isPassing: value['Check']['Status'] === 'passing' };
  const node = value['Node'];
  if (!isRecord(node)) throw new Error('a result of a transaction is of no known kind');
  const modifyIndex = exactNumber(node['ModifyIndex'], 'ModifyIndex');
  return { on: 'node', node: { id: textOf(node['ID']), modifyIndex, meta: textsOf(node['Meta']) } };
}

/** @throws Error with the fault */
export function decodeService(value: unknown): StoredService {
  if (!isRecord(value) || typeof value['ID'] !== 'string' || typeof value['Service'] !== 'string') {
    throw new Error('a service has no id or no name');
  }
  const weights = value['Weights'];
  const passing = isRecord(weights) ? weights['Passing'] : undefined;
  return {
    id: value['ID'],
    service: value['Service'],
    createIndex: exactNumber(value['CreateIndex'], 'CreateIndex'),
    modifyIndex: exactNumber(value['ModifyIndex'], 'ModifyIndex'),
    address: textOf(value['Address']),
    port: typeof value['Port'] === 'number' ? value['Port'] : 0,
    tags: listOf(value['Tags']).map(String),
    meta: textsOf(value['Meta']),
    weight: typeof passing === 'number' ? passing : 1,
    isProxy: textOf(value['Kind']) !== '',
  };
}

export function registrationOf(
  node: string,
  nodeAddress: string,
  stored: StoredService,
): CatalogRegistration {
  const { id, service, address, port, tags, meta, weight } = stored;
  return { node, id, service, address: address === '' ? nodeAddress : address, port, tags, meta, weight };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Consul writes an empty map as null. */
function textsOf(value: unknown): Record<string, string> {
  if (!isRecord(value)) return {};
  return Object.fromEntries(Object.entries(value).map(([name, text]) => [name, String(text)]));
}
