import type { HttpAnswer, HttpRequest, HttpTransport } from '../../../src/consul/client-seam.js';
import { TransportFailure } from '../../../src/consul/client-seam.js';
import type { Clock } from '../../../src/ports/clock.js';
import { ReplicaError } from '../../../src/ports/errors.js';
import type { WriteBatch, WriteOutcome } from '../../../src/ports/replica.js';
import type { Link } from '../memory-store/link.js';
import type { CatalogTables } from './catalog-tables.js';
import type { BlockingList, Server } from './consul-http.js';
import { answerOf, blockingListOf } from './consul-http.js';
import type { MemoryCatalog } from './memory-catalog.js';

export interface LinkedTransportOptions {
  readonly catalog: MemoryCatalog;
  readonly link: Link;
  readonly clock: Clock;
  /** What this daemon is called in the store's feed of commits. */
  readonly writer: string;
  /** Asked for each request that does not ask for the leader: what a server shows that lags. */
  readonly stale?: () => CatalogTables | undefined;
  /** Around each request; where a process may die. */
  readonly around?: <T>(work: () => Promise<T>) => Promise<T>;
}

const NO_BATCH: WriteBatch = { operations: [], ledger: undefined };
const APPLIED: WriteOutcome = {
  kind: 'applied',
  versions: new Map(),
  ledger: undefined,
  madeParents: new Map(),
  cleared: new Map(),
  overwrittenInRace: new Map(),
  stamp: undefined,
};

/**
 * A client's way to a Consul in memory: requests and answers as on the wire, which take time, and get lost where the
 * link's `faults` say so.
 */
export class LinkedTransport implements HttpTransport {
  constructor(private readonly options: LinkedTransportOptions) {}

  send(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
    const { around } = this.options;
    const send = (): Promise<HttpAnswer> => this.#send(request, signal);
    return around === undefined ? send() : around(send);
  }

  close(): void {
    // Nothing stays open.
  }

  #send(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
    const [path = '', query = ''] = request.path.split('?');
    const parameters = new URLSearchParams(query);
    const list = blockingListOf(path);
    const index = parameters.get('index');
    if (list !== undefined && index !== null) {
      const waitMs = Number.parseInt(parameters.get('wait') ?? '0', 10);
      return this.#block(request, { list, index: BigInt(index), waitMs }, signal);
    }
    const isWrite = request.method === 'PUT' && !parameters.has('consistent');
    return isWrite ? this.#write(request, signal) : this.#read(request, parameters.has('consistent'), signal);
  }

  async #read(request: HttpRequest, wantsLeader: boolean, signal: AbortSignal): Promise<HttpAnswer> {
    const serve = (): HttpAnswer => this.#answer(request, wantsLeader ? undefined : this.#lagging());
    try {
      return await this.options.link.read('read', signal, serve);
    } catch (error) {
      return answerOrThrow(error, true);
    }
  }

  async #write(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
    let answer: HttpAnswer | undefined;
    const serve = (): WriteOutcome => {
      answer = this.#answer(request, undefined);
      return APPLIED;
    };
    const outcome = await this.options.link.write(NO_BATCH, signal, serve);
    if (outcome.kind === 'applied' && answer !== undefined) return answer;
    const cause = 'cause' in outcome ? outcome.cause : new Error(outcome.kind);
    return answerOrThrow(cause, outcome.kind !== 'retriable');
  }

  #answer({ method, path, body }: HttpRequest, tables: CatalogTables | undefined): HttpAnswer {
    const request = { method, path, ...(body !== undefined && { body: body.toString() }) };
    return answerOf(this.#server(tables), request);
  }

  #server(tables: CatalogTables | undefined): Server {
    const { catalog, writer, link } = this.options;
    const denies: Server['denies'] = (access, name) => link.faults.denies?.(access, name) === true;
    const hasTokens = link.faults.denies !== undefined;
    return { catalog, tables: tables ?? catalog.tables, by: writer, denies, hasTokens };
  }

  #lagging(): CatalogTables | undefined {
    const { catalog, link, stale } = this.options;
    const writes = link.faults.lagsBehind?.('glance') ?? 0;
    return writes > 0 ? catalog.behind(writes) : stale?.();
  }

  async #block(request: HttpRequest, wait: Wait, signal: AbortSignal): Promise<HttpAnswer> {
    const { link } = this.options;
    const ended = new AbortController();
    const either = AbortSignal.any([signal, ended.signal]);
    const parked = new Parked(this.options, request, wait, either, (tables) => this.#answer(request, tables));
    try {
      // Whoever waits has asked the server before, and is woken by whatever happens after that.
      const now = await link.read('read', signal, () => parked.begin());
      return now ?? (await parked.answered);
    } catch (error) {
      return answerOrThrow(error, true);
    } finally {
      ended.abort();
    }
  }
}

interface Wait {
  readonly list: BlockingList;
  readonly index: bigint;
  readonly waitMs: number;
}

/** A blocking query that waits at the server. */
class Parked {
  readonly answered: Promise<HttpAnswer>;
  #resolve: (answer: HttpAnswer) => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;
  /** The answer was given and got lost: nothing else will come. */
  #isLost = false;

  constructor(
    private readonly options: LinkedTransportOptions,
    private readonly request: HttpRequest,
    private readonly wait: Wait,
    private readonly signal: AbortSignal,
    private readonly answer: (tables: CatalogTables) => HttpAnswer,
  ) {
    this.answered = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Somebody may have stopped waiting.
    this.answered.catch(() => undefined);
  }

  /** @returns the answer where there is one at once */
  begin(): HttpAnswer | undefined {
    const { catalog, link, clock } = this.options;
    const { list, index, waitMs } = this.wait;
    if (list.index(catalog.tables) > index) return this.answer(catalog.tables);
    let seen = catalog.tables;
    const subscribe = (): (() => void) =>
      catalog.subscribe({
        committed: ({ changes }) => {
          seen = catalog.tables;
          if (changes.some((change) => list.wakes(change))) this.#tell(seen);
        },
        replaced: (how) => {
          // A restore ends every query at once, with what was there before it (measured, 1.8.7).
          if (how === 'restored') this.#tell(seen);
          else this.#reject(new ReplicaError('STORE_UNREACHABLE', 'the connection is broken', true));
        },
      });
    const nothing = (): void => undefined;
    const listener = { changed: nothing, saw: nothing, rescan: nothing };
    const lost = (why: string): void => this.#reject(new ReplicaError('STORE_UNREACHABLE', why, true));
    const stirred = (): void => this.#resolve(this.answer(catalog.tables));
    void link.watch({ ...listener, stirred, lost }, this.signal, subscribe);
    this.signal.addEventListener('abort', () =>
      this.#reject(new ReplicaError('ABORTED', 'a blocking query was aborted', false)),
    );
    void clock.sleep(waitMs, this.signal).then(() => {
      if (!this.#isLost) stirred();
    });
    void clock
      .sleep(this.request.timeoutMs, this.signal)
      .then(() => this.#reject(new ReplicaError('STORE_TIMEOUT', 'no answer to a blocking query', true)));
    return undefined;
  }

  #tell(tables: CatalogTables): void {
    if (this.#isLost) return;
    const answer = this.answer(tables);
    this.#isLost = !this.options.link.hint(this.signal, () => this.#resolve(answer));
  }
}

/** @param sent whether the request may have reached the server */
function answerOrThrow(error: unknown, sent: boolean): HttpAnswer {
  if (!(error instanceof ReplicaError)) throw error;
  if (error.code === 'STORE_OVERLOADED') return refusal(429, 'Your request was rate limited');
  if (error.message.includes('no leader')) return refusal(500, 'No cluster leader');
  switch (error.code) {
    case 'ABORTED':
      throw new TransportFailure('aborted', true, false, error);
    case 'STORE_TIMEOUT':
      throw new TransportFailure('timeout', sent, false, error);
    default:
      throw new TransportFailure(sent ? 'truncated' : 'network', sent, false, error);
  }
}

function refusal(status: number, text: string): HttpAnswer {
  return { status, headers: {}, body: Buffer.from(text) };
}
