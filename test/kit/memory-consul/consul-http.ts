import type { HttpAnswer } from '../../../src/consul/client-seam.js';
import type { CatalogTables, NodeRow, RowChange, ServiceRow } from './catalog-tables.js';
import { rawCheck, rawKey, rawNode, rawService } from './catalog-transaction.js';
import type { RawOperation } from './catalog-transaction.js';
import type { MemoryCatalog } from './memory-catalog.js';

/** What a token may do. `name` is a service's, a node's or a key, with its kind before it: `service:web`. */
export type Denies = (access: 'read' | 'write', name: string) => boolean;

export interface RawRequest {
  readonly method: string;
  /** Encoded, with its query. */
  readonly path: string;
  readonly body?: string;
}

/** Where a request is answered, and for whom. */
export interface Server {
  readonly catalog: MemoryCatalog;
  /** What the server that is asked shows; the leader's, where the request wants that. */
  readonly tables: CatalogTables;
  /** What a client calls itself in the store's feed of commits. */
  readonly by: string;
  readonly denies: Denies;
  /** Whether there are tokens at all. */
  readonly hasTokens?: boolean;
}

/** A list that clients wait for. */
export interface BlockingList {
  readonly index: (tables: CatalogTables) => bigint;
  /** Whether a change wakes those who wait. */
  readonly wakes: (change: RowChange) => boolean;
}

const SERVICES: BlockingList = {
  index: ({ servicesIndex }) => servicesIndex,
  wakes: ({ table }) => table === 'service',
};
/** Woken when a check enters this state, leaves it, or changes in it; the index is that of all checks. */
const PASSING_CHECKS: BlockingList = {
  index: ({ checksIndex }) => checksIndex,
  wakes: ({ table, before, after }) =>
    table === 'check' && [before, after].some((row) => row?.status === 'passing'),
};

/** @returns the list that a path without its query waits for, and undefined for others */
export function blockingListOf(path: string): BlockingList | undefined {
  if (path === '/v1/catalog/services') return SERVICES;
  return path === '/v1/health/state/passing' ? PASSING_CHECKS : undefined;
}

/**
 * Answers a request as Consul 1.8 does; docs/decisions/0009-services-are-entries.md has what was measured.
 * @throws Error at a request that nobody sends
 */
export function answerOf(server: Server, request: RawRequest): HttpAnswer {
  const [path = '', query = ''] = request.path.split('?');
  const { tables } = server;
  if (request.method === 'PUT' && path === '/v1/txn') return transact(server, request.body ?? '');
  if (path === '/v1/acl/token/self')
    return server.hasTokens === true ? text(403, 'ACL not found') : text(401, 'ACL support disabled');
  if (query.includes('ns='))
    return text(400, 'Invalid query parameter: "ns" - Namespaces are a Consul Enterprise feature');
  const list = blockingListOf(path);
  if (list !== undefined) return listOf(server, path, list);
  const [, , kind = '', what = '', ...rest] = path.split('/');
  const name = decodeURIComponent(rest.join('/'));
  if (kind === 'health' && what === 'service') {
    const filtered = query.includes('filter=');
    const seen = filtered || server.denies('read', `service:${name}`) ? [] : tables.instances(name);
    return json(
      200,
      seen.map((row) => instance(tables, row)),
      tables.serviceIndex(name),
    );
  }
  if (kind === 'health' && what === 'node') {
    const checks = [...tables.check.values()].filter(({ node }) => node === name);
    return json(200, checks.map(rawCheck), tables.index);
  }
  if (kind === 'catalog' && what === 'node') return nodeOf(server, name);
  if (kind === 'kv') return keysBelow(server, decodeURIComponent([what, ...rest].join('/')));
  throw new Error(`the simulated Consul knows no ${request.method} ${request.path}`);
}

function listOf({ tables, denies }: Server, path: string, list: BlockingList): HttpAnswer {
  if (path !== '/v1/catalog/services') return json(200, [], list.index(tables));
  const names = [...tables.service.values()]
    .map(({ service }) => service)
    .filter((service) => !denies('read', `service:${service}`));
  const tags = Object.fromEntries(['consul', ...names].map((name) => [name, []]));
  return json(200, tags, list.index(tables));
}

function transact(server: Server, body: string): HttpAnswer {
  const operations = JSON.parse(body) as RawOperation[];
  const denied = operations.flatMap((operation, OpIndex) => {
    const name = isWrite(operation) ? nameOf(operation) : undefined;
    const isDenied = name !== undefined && server.denies('write', name);
    return isDenied ? [{ OpIndex, What: 'Permission denied' }] : [];
  });
  // Where permissions fail, nothing else is looked at.
  if (denied.length > 0) return json(409, { Results: null, Errors: denied }, server.tables.index);
  const { results, failures } = server.catalog.apply(operations, server.by);
  const { index } = server.catalog.tables;
  if (failures.length > 0) return json(409, { Results: null, Errors: failures }, index);
  return json(200, { Results: results.filter((one) => mayBeRead(server, one)), Errors: null }, index);
}

/** Results that the token may not read are left out in silence. */
function mayBeRead({ denies }: Server, result: unknown): boolean {
  const { Service: service, KV: key } = result as {
    Service?: { Service: string };
    KV?: { Key: string };
  };
  if (service !== undefined) return !denies('read', `service:${service.Service}`);
  return key === undefined || !denies('read', `key:${key.Key}`);
}

function isWrite({ KV, Service, Node, Check }: RawOperation): boolean {
  return (KV ?? Service ?? Node ?? Check)?.Verb !== 'get';
}

function nameOf({ KV, Service, Node, Check }: RawOperation): string | undefined {
  if (KV !== undefined) return `key:${KV.Key}`;
  if (Service !== undefined) return `service:${Service.Service.Service ?? ''}`;
  if (Node !== undefined) return `node:${Node.Node.Node}`;
  return Check === undefined ? undefined : `node:${Check.Check.Node}`;
}

function instance(tables: CatalogTables, row: ServiceRow): unknown {
  const node = tables.node.get(row.node);
  return {
    Node: node === undefined ? { Node: row.node, Address: '' } : rawNode(node),
    Service: rawService(row),
    Checks: tables.checksOf(row).map(rawCheck),
  };
}

function nodeOf({ tables, denies }: Server, name: string): HttpAnswer {
  const row: NodeRow | undefined = tables.node.get(name);
  if (row === undefined) return json(200, null, tables.index);
  const seen = tables.servicesOn(name).filter(({ service }) => !denies('read', `service:${service}`));
  const services = Object.fromEntries(seen.map((one) => [one.id, rawService(one)]));
  return json(200, { Node: rawNode(row), Services: services }, tables.index);
}

function keysBelow({ tables, denies }: Server, prefix: string): HttpAnswer {
  const rows = [...tables.key.values()].filter(
    ({ key }) => key.startsWith(prefix) && !denies('read', `key:${key}`),
  );
  return json(
    rows.length > 0 ? 200 : 404,
    rows.map((row) => rawKey(row, true)),
    tables.index,
  );
}

function text(status: number, content: string): HttpAnswer {
  return { status, headers: {}, body: Buffer.from(content) };
}

function json(status: number, content: unknown, index: bigint): HttpAnswer {
  const headers = { 'x-consul-index': String(index), 'x-consul-knownleader': 'true' };
  return { status, headers, body: Buffer.from(JSON.stringify(content)) };
}
