import type { CatalogRegistration } from '../../ports/catalog.js';
import { faultOf } from '../consul-client.js';
import type { ConsulClient, ConsulRequest, RequestOperation } from '../consul-client.js';
import { protocolError } from '../consul-errors.js';
import type { HttpAnswer } from '../client-seam.js';
import { indexOf } from '../key-list.js';
import { isRecord, listOf, parseExact } from '../transaction.js';
import {
  decodeCatalogTransaction,
  decodeService,
  encodeCatalogTransaction,
  registrationOf,
} from './catalog-operation.js';
import type { CatalogAnswer, CatalogOperation, StoredService } from './catalog-operation.js';

/** An instance of a service with its health. */
export interface HealthyOrNot {
  readonly registration: CatalogRegistration;
  readonly stored: StoredService;
  /** Whether all checks of the instance and of its node pass. */
  readonly isPassing: boolean;
  /** The ids of those that pass. */
  readonly passing: ReadonlySet<string>;
}

/** Nothing has no id: only the index comes through. */
const NO_INSTANCE = `filter=${encodeURIComponent('Service.ID == ""')}`;
const NO_CHECK = `filter=${encodeURIComponent('CheckID == ""')}`;
/**
 * Consul wakes a query on the checks in one state when one enters or leaves it, or changes in it; the query on those that
 * are critical not when a check goes from passing to warning, unless there are none.
 */
const WATCHED = {
  services: { path: '/v1/catalog/services', query: [] },
  checks: { path: '/v1/health/state/passing', query: [NO_CHECK] },
} as const;
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;
const TRANSACTION_ANSWER_BYTES_MAX = 8 * 1024 * 1024;
/** On top of the longest time that Consul itself may wait, which is up to a 16th more than it was asked to. */
const ANSWER_MARGIN_MS = 10_000;

/** Requests to Consul's catalog. */
export class CatalogClient {
  constructor(readonly consul: ConsulClient) {}

  get address(): string {
    return this.consul.address;
  }

  /** One `/v1/txn`; where it only reads, it is answered by the leader after it made sure that it still leads. */
  async transact(
    operations: readonly CatalogOperation[],
    options: { readonly reads: boolean; readonly operation: RequestOperation },
    signal: AbortSignal,
  ): Promise<CatalogAnswer> {
    const request: ConsulRequest = {
      operation: options.operation,
      method: 'PUT',
      path: '/v1/txn',
      query: options.reads ? ['consistent'] : [],
      body: encodeCatalogTransaction(operations),
      accepts: [200, 409],
      repeatable: options.reads,
      answerBytesMax: TRANSACTION_ANSWER_BYTES_MAX,
    };
    const answer = await this.consul.request(request, signal);
    return this.#decoded(request, () => decodeCatalogTransaction(answer.body, answer.status === 200));
  }

  /** The names of all services that the token may see, from the leader. */
  async services(signal: AbortSignal): Promise<readonly string[]> {
    return (await this.#services(['consistent'], signal)).names;
  }

  /** A number that the catalog has reached: no service has a version above it. */
  async position(signal: AbortSignal): Promise<bigint> {
    return (await this.#services(['consistent'], signal)).index;
  }

  /** All instances of a service that the token may see, from the leader. */
  async instances(service: string, signal: AbortSignal): Promise<readonly HealthyOrNot[]> {
    const request = this.#healthOf(service, ['consistent'], 'list');
    const answer = await this.consul.request(request, signal);
    return this.#decoded(request, () => listOf(parseExact(answer.body)).map(decodeInstance));
  }

  /**
   * The names of the services that a node has and the token may see, from the leader; undefined where it may not see the node.
   * @param token the client's own, unless given
   */
  async servicesOn(
    node: string,
    signal: AbortSignal,
    token?: string,
  ): Promise<readonly string[] | undefined> {
    const request: ConsulRequest = {
      operation: 'list',
      method: 'GET',
      path: `/v1/catalog/node/${encodeURIComponent(node)}`,
      query: ['consistent'],
      accepts: token === undefined ? [200] : [200, 403],
      repeatable: true,
      answerBytesMax: ANSWER_BYTES_MAX,
      token,
    };
    const answer = await this.consul.request(request, signal);
    if (answer.status === 403) return undefined;
    return this.#decoded(request, () => {
      const found = parseExact(answer.body);
      const services = isRecord(found) && isRecord(found['Node']) ? found['Services'] : undefined;
      return isRecord(services) ? Object.values(services).map(serviceName) : undefined;
    });
  }

  /** Moves when an instance of the service, its checks or its node change. */
  async indexOf(service: string, signal: AbortSignal): Promise<bigint> {
    const request = this.#healthOf(service, [NO_INSTANCE], 'watch');
    const answer = await this.consul.request(request, signal);
    return this.#decoded(request, () => indexOf(answer));
  }

  /** Waits for the index of a list to rise above `index`, at most for `waitMs`; with index 0, not at all. */
  async next(
    list: 'services' | 'checks',
    index: bigint,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<bigint> {
    const { path, query } = WATCHED[list];
    const waits = index > 0n;
    const request: ConsulRequest = {
      operation: 'watch',
      method: 'GET',
      path,
      query: waits ? [...query, `index=${index}`, `wait=${waitMs}ms`] : query,
      accepts: [200],
      repeatable: true,
      answerBytesMax: ANSWER_BYTES_MAX,
      ...(waits ? { timeoutMs: waitMs + waitMs / 16 + ANSWER_MARGIN_MS, socketPool: 'watches' } : {}),
    };
    const answer = await this.consul.request(request, signal);
    return this.#decoded(request, () => indexOf(answer));
  }

  async #services(
    query: readonly string[],
    signal: AbortSignal,
  ): Promise<{ readonly names: readonly string[]; readonly index: bigint }> {
    const request: ConsulRequest = {
      operation: 'list',
      method: 'GET',
      path: '/v1/catalog/services',
      query,
      accepts: [200],
      repeatable: true,
      answerBytesMax: ANSWER_BYTES_MAX,
    };
    const answer = await this.consul.request(request, signal);
    return this.#decoded(request, () => ({ names: namesIn(answer), index: indexOf(answer) }));
  }

  #healthOf(service: string, query: readonly string[], operation: RequestOperation): ConsulRequest {
    return {
      operation,
      method: 'GET',
      path: `/v1/health/service/${encodeURIComponent(service)}`,
      query,
      accepts: [200],
      repeatable: true,
      answerBytesMax: ANSWER_BYTES_MAX,
    };
  }

  #decoded<T>(request: ConsulRequest, decode: () => T): T {
    try {
      return decode();
    } catch (cause) {
      throw protocolError(this.consul.describe(request), faultOf(cause), cause);
    }
  }
}

function serviceName(service: unknown): string {
  const name = isRecord(service) ? service['Service'] : undefined;
  if (typeof name !== 'string') throw new Error('a service has no name');
  return name;
}

function namesIn({ body }: HttpAnswer): string[] {
  const answer = parseExact(body);
  if (!isRecord(answer)) throw new Error('the list of services is not an object');
  return Object.keys(answer);
}

function decodeInstance(value: unknown): HealthyOrNot {
  const node = isRecord(value) ? value['Node'] : undefined;
  if (!isRecord(value) || !isRecord(node) || typeof node['Node'] !== 'string') {
    throw new Error('an instance has no node');
  }
  const stored = decodeService(value['Service']);
  const address = typeof node['Address'] === 'string' ? node['Address'] : '';
  const checks = listOf(value['Checks']);
  const passing = checks.filter((check) => isRecord(check) && check['Status'] === 'passing');
  return {
    registration: registrationOf(node['Node'], address, stored),
    stored,
    isPassing: passing.length === checks.length,
    passing: new Set(passing.map((check) => (isRecord(check) ? String(check['CheckID']) : ''))),
  };
}
