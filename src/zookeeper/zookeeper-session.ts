import { ReachedZxid } from './reached-zxid.js';
import { ReconnectingClient, type ZooKeeperSessionOptions } from './reconnecting-client.js';
import {
  type MultiOperation,
  type MultiReadAnswer,
  type NodeAcl,
  type NodeChildren,
  type NodeData,
  type ReplyHeader,
  type Stat,
  type WatchEvent,
  type WireRequest,
} from './protocol.js';
import {
  decodeAcl,
  decodeChildren,
  decodeData,
  decodeExists,
  decodeMulti,
  decodeMultiReadChildren,
  decodeMultiReadData,
} from './replies.js';
import {
  addWatchRequest,
  existsRequest,
  getAclRequest,
  getChildren2Request,
  getDataRequest,
  multiReadRequest,
  multiRequest,
  syncRequest,
} from './requests.js';
import { refusedByServer, STATUS, ZooKeeperError } from './zookeeper-errors.js';

/** What a server says of one node. Refusal of one node is an answer; what concerns the whole request is thrown. */
export type NodeAnswer<T> =
  | { readonly kind: 'node'; readonly node: T }
  /** There is none, as of the server's state; after a `sync`, as of the leader's at that time. */
  | { readonly kind: 'no-node' }
  | { readonly kind: 'denied' };

export type MultiOutcome =
  | {
      readonly kind: 'applied';
      /** The transaction's id, which is the `mzxid` of all that it wrote. */
      readonly zxid: bigint;
      /** Per operation; only `setData` tells one. */
      readonly stats: readonly (Stat | undefined)[];
    }
  /** Nothing was applied, because of this operation. */
  | { readonly kind: 'failed'; readonly index: number; readonly status: number };

export interface ReadThenMulti {
  /** What was there right before the write. A node whose read failed is not in it. */
  readonly before: ReadonlyMap<string, NodeAnswer<NodeData>>;
  readonly outcome: MultiOutcome;
}

/** `jute.maxbuffer` by default: a server drops the connection at the first byte more. */
const PACKET_BYTES_MAX = 1_048_575;
const FRAME_LENGTH_BYTES = 4;
/**
 * For how many session timeouts what is behind is not believed. A leader that was cut off takes its `syncLimit` to notice:
 * ten seconds as shipped, which sessions of five seconds and more outlast.
 */
const BEHIND_SESSIONS = 2;

/**
 * ZooKeeper's operations over a connection that lasts, shared by all mappings. Paths are relative to the chroot.
 *
 * A request is sent now or fails now, and ends within the request timeout. Whatever keeps a request from being
 * answered is thrown as a `ZooKeeperError`, whose `ambiguous` tells whether a write may have been carried out.
 */
export class ZooKeeperSession extends ReconnectingClient {
  /** The largest request that may be sent. */
  readonly packetBytesMax: number;
  readonly #reached: ReachedZxid;

  /** @throws RangeError when the connection string is wrong */
  constructor(options: ZooKeeperSessionOptions) {
    super(options);
    this.packetBytesMax = options.packetBytesMax ?? PACKET_BYTES_MAX;
    this.#reached = new ReachedZxid(options.clock, BEHIND_SESSIONS * options.sessionTimeoutMs);
  }

  /**
   * Watch events below the chroot, whoever armed the watch.
   * @returns how to stop listening
   */
  onEvent(listener: (event: WatchEvent) => void): () => void {
    return this.onRawEvent((event) => {
      const path = this.#withoutChroot(event.path);
      if (path !== undefined) listener({ ...event, path });
    });
  }

  /** The ensemble is known to have come that far before this session began. */
  expectReached(zxid: bigint): void {
    this.#reached.expect(zxid);
  }

  /**
   * Lets later reads of this connection see all that was committed before. Replies keep the order of requests.
   * @returns the zxid that the server has then reached
   * @throws ZooKeeperError also when the server is behind what this process has seen: nothing that it answers may be used
   */
  async sync(path: string, signal: AbortSignal): Promise<bigint> {
    const reply = await this.#request(syncRequest(this.#absolute(path)), signal);
    if (reply.status !== STATUS.ok) throw this.#refused('sync', path, reply.status);
    const reached = this.#reached.judge(reply.zxid);
    if (reached === undefined) return reply.zxid;
    const what = `sync ${path} on ${this.server}`;
    const detail = `the server is at zxid ${reply.zxid}, and the ensemble had been at ${reached}`;
    const advice = 'It was cut off and does not know it yet, or the ensemble was restored from a backup';
    throw new ZooKeeperError('STORE_UNREACHABLE', `${what}: ${detail}. ${advice}`, true, true, undefined);
  }

  async exists(path: string, signal: AbortSignal, watch = false): Promise<NodeAnswer<Stat>> {
    const reply = await this.#request(existsRequest(this.#absolute(path), watch), signal);
    return this.#answer('exists', path, reply, decodeExists);
  }

  async getData(path: string, signal: AbortSignal): Promise<NodeAnswer<NodeData>> {
    const reply = await this.#request(getDataRequest(this.#absolute(path), false), signal);
    return this.#answer('getData', path, reply, decodeData);
  }

  /**
   * Who may do what with a node. Servers show it to whoever may read or administer the node; without the right to
   * administer it, the passwords' hashes in it are hidden (`digest:user:x`, from 3.5.5 on).
   */
  async getAcl(path: string, signal: AbortSignal): Promise<NodeAnswer<NodeAcl>> {
    const reply = await this.#request(getAclRequest(this.#absolute(path)), signal);
    return this.#answer('getACL', path, reply, decodeAcl);
  }

  /** The names of a node's children, in no order, and its own stat. */
  async getChildren(path: string, signal: AbortSignal, watch = false): Promise<NodeAnswer<NodeChildren>> {
    const reply = await this.#request(getChildren2Request(this.#absolute(path), watch), signal);
    return this.#answer('getChildren2', path, reply, decodeChildren);
  }

  /** Reads many nodes by one request. Only where `capabilities` say so. */
  async multiRead(paths: readonly string[], signal: AbortSignal): Promise<NodeAnswer<NodeData>[]> {
    const reply = await this.#request(this.#readRequest(paths, true), signal);
    return this.#readAnswers(paths, reply, true);
  }

  /** The names of many nodes' children by one request. Only where `capabilities` say so. */
  async multiReadChildren(
    paths: readonly string[],
    signal: AbortSignal,
  ): Promise<NodeAnswer<readonly string[]>[]> {
    const absolute = paths.map((path) => this.#absolute(path));
    const reply = await this.#request(multiReadRequest('getChildren', absolute), signal);
    return this.#multiReadAnswers(paths, reply, decodeMultiReadChildren);
  }

  /** Arms a persistent recursive watch on this connection. Only where `capabilities` say so; idempotent. */
  async addWatch(path: string, signal: AbortSignal): Promise<void> {
    const reply = await this.#request(addWatchRequest(this.#absolute(path)), signal);
    if (reply.status !== STATUS.ok) throw this.#refused('addWatch', path, reply.status);
  }

  /**
   * All of the operations or none.
   * @throws ZooKeeperError also when they are more than a server takes in one request: nothing was sent then
   */
  async multi(operations: readonly MultiOperation[], signal: AbortSignal): Promise<MultiOutcome> {
    return (await this.readThenMulti([], operations, signal)).outcome;
  }

  /**
   * Reads nodes and writes right behind, in one flush: what is read is what the server had just before it passed the
   * write on. What counts is the write; that a read fails does not change its outcome.
   * @param groups the nodes to read; those of a group by one request where the server has `multiRead`
   */
  async readThenMulti(
    groups: readonly (readonly string[])[],
    operations: readonly MultiOperation[],
    signal: AbortSignal,
  ): Promise<ReadThenMulti> {
    const write = multiRequest(operations.map((operation) => this.#withChroot(operation)));
    const isTogether = groups.length > 0 && (await this.capabilities(signal)).multiRead;
    const reads = isTogether ? groups : groups.flat().map((path) => [path]);
    const requests = reads.map((paths) => this.#readRequest(paths, isTogether));
    const replies = this.#submit([...requests, write], signal);
    const [written, ...read] = await Promise.allSettled([...replies.slice(-1), ...replies.slice(0, -1)]);
    const before = new Map<string, NodeAnswer<NodeData>>();
    reads.forEach((paths, i) => {
      const answers = this.#answersIfAny(paths, read[i], isTogether);
      paths.forEach((path, j) => answers[j] !== undefined && before.set(path, answers[j]));
    });
    if (written?.status !== 'fulfilled') throw written?.reason;
    return { before, outcome: this.#multiOutcome(operations, written.value) };
  }

  #readRequest(paths: readonly string[], isTogether: boolean): WireRequest {
    const absolute = paths.map((path) => this.#absolute(path));
    return isTogether ? multiReadRequest('getData', absolute) : getDataRequest(absolute[0] ?? '/', false);
  }

  #readAnswers(paths: readonly string[], reply: ReplyHeader, isTogether: boolean): NodeAnswer<NodeData>[] {
    if (!isTogether) return [this.#answer('getData', paths[0] ?? '/', reply, decodeData)];
    return this.#multiReadAnswers(paths, reply, decodeMultiReadData);
  }

  #multiReadAnswers<T>(
    paths: readonly string[],
    reply: ReplyHeader,
    decode: (body: Buffer) => MultiReadAnswer<T>[],
  ): NodeAnswer<T>[] {
    const path = paths[0] ?? '/';
    if (reply.status !== STATUS.ok) throw this.#refused('multiRead', path, reply.status);
    const answers = this.#decoded('multiRead', path, reply, decode);
    if (answers.length !== paths.length)
      throw this.#unreadable('multiRead', path, 'another number of results');
    return answers.map((answer, i) => {
      if (answer.kind === 'node') return answer;
      return this.#refusedNode(answer.status) ?? this.#raise('multiRead', paths[i] ?? path, answer.status);
    });
  }

  /** As `#readAnswers`, where a failure is no more than a missing answer. */
  #answersIfAny(
    paths: readonly string[],
    reply: PromiseSettledResult<ReplyHeader> | undefined,
    isTogether: boolean,
  ): NodeAnswer<NodeData>[] {
    if (reply?.status !== 'fulfilled') return [];
    try {
      return this.#readAnswers(paths, reply.value, isTogether);
    } catch (error) {
      if (error instanceof ZooKeeperError) return [];
      throw error;
    }
  }

  #multiOutcome(operations: readonly MultiOperation[], reply: ReplyHeader): MultiOutcome {
    const path = operations[0]?.path ?? '/';
    if (reply.status !== STATUS.ok) throw this.#refused('multi', path, reply.status);
    const results = this.#decoded('multi', path, reply, decodeMulti);
    if (results.length !== operations.length)
      throw this.#unreadable('multi', path, 'another number of results');
    const statuses = results.map((result) => (result.kind === 'error' ? result.status : STATUS.ok));
    // The operations after the failed one are answered RUNTIME_INCONSISTENCY, those before it with 0.
    const culprit = statuses.findIndex(
      (status) => status !== STATUS.ok && status !== STATUS.runtimeInconsistency,
    );
    const failed = culprit >= 0 ? culprit : statuses.findIndex((status) => status !== STATUS.ok);
    if (failed >= 0) return { kind: 'failed', index: failed, status: statuses[failed] ?? STATUS.ok };
    const stats = results.map((result) => (result.kind === 'done' ? result.stat : undefined));
    const told = stats.find((stat) => stat !== undefined);
    const zxid = told?.mzxid ?? reply.zxid;
    this.#reached.expect(zxid);
    return { kind: 'applied', zxid, stats };
  }

  async #request(request: WireRequest, signal: AbortSignal): Promise<ReplyHeader> {
    const [reply] = this.#submit([request], signal);
    if (reply === undefined) throw new Error('a request has a reply');
    return await reply;
  }

  /** A server drops the connection at the first byte too many, and would do so again after every reconnect. */
  #submit(requests: readonly WireRequest[], signal: AbortSignal): Promise<ReplyHeader>[] {
    const tooLarge = requests.find(({ frame }) => frame.length - FRAME_LENGTH_BYTES > this.packetBytesMax);
    if (tooLarge === undefined) return this.submit(requests, signal);
    const { operation, path, frame } = tooLarge;
    const message = `${operation} ${path}: ${frame.length} bytes are more than a server takes (${this.packetBytesMax})`;
    throw new ZooKeeperError('STORE_PROTOCOL', message, false, false, undefined);
  }

  #answer<T>(what: string, path: string, reply: ReplyHeader, decode: (body: Buffer) => T): NodeAnswer<T> {
    if (reply.status === STATUS.ok) return { kind: 'node', node: this.#decoded(what, path, reply, decode) };
    return this.#refusedNode(reply.status) ?? this.#raise(what, path, reply.status);
  }

  #refusedNode(status: number): { kind: 'no-node' } | { kind: 'denied' } | undefined {
    if (status === STATUS.noNode) return { kind: 'no-node' };
    return status === STATUS.noAuth ? { kind: 'denied' } : undefined;
  }

  #decoded<T>(what: string, path: string, reply: ReplyHeader, decode: (body: Buffer) => T): T {
    try {
      return decode(reply.body);
    } catch (error) {
      throw this.#unreadable(what, path, 'a damaged reply', error);
    }
  }

  #unreadable(what: string, path: string, detail: string, cause?: unknown): ZooKeeperError {
    const message = `${what} ${path} on ${this.server}: ${detail}`;
    return new ZooKeeperError('STORE_PROTOCOL', message, false, true, undefined, { cause });
  }

  #raise(what: string, path: string, status: number): never {
    throw this.#refused(what, path, status);
  }

  #refused(what: string, path: string, status: number): ZooKeeperError {
    if (status === STATUS.unimplemented) this.forgetCapabilities();
    return refusedByServer(`${what} ${path}`, this.server, status);
  }

  #absolute(path: string): string {
    if (this.chroot === '') return path;
    return path === '/' ? this.chroot : this.chroot + path;
  }

  #withChroot(operation: MultiOperation): MultiOperation {
    return this.chroot === '' ? operation : { ...operation, path: this.#absolute(operation.path) };
  }

  #withoutChroot(path: string): string | undefined {
    if (this.chroot === '') return path;
    if (path === this.chroot) return '/';
    return path.startsWith(`${this.chroot}/`) ? path.slice(this.chroot.length) : undefined;
  }
}
