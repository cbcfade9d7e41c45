import type { Candidate, Election, Member, Queue } from '../ports/election.js';
import { concurrently } from './concurrently.js';
import { LedgerNodes } from './ledger-nodes.js';
import { childPath } from './mapping-paths.js';
import type { AclEntry, WatchEvent } from './protocol.js';
import { refusedByServer, STATUS, unanswered } from './zookeeper-errors.js';
import type { ZooKeeperSession } from './zookeeper-session.js';

export interface ZooKeeperElectionOptions {
  readonly session: ZooKeeperSession;
  /** Of all deployments: `/zk-consul-sync`. */
  readonly namespaceRoot: string;
  readonly instance: string;
  readonly self: Member;
  readonly acl: readonly AclEntry[];
  /** As asked for; what the server grants counts as soon as it is known. */
  readonly sessionTimeoutMs: number;
}

/** A name that no mapping can have. */
const CANDIDATES = '.candidates';
const IN_FLIGHT = 32;

/** `<member>.<session>-<sequence>`; the server appends the sequence. */
const PLACE = /^([\w-]+)\.(0x[0-9a-f]+)-(\d{10})$/;

/** One node in a queue. */
interface Place {
  readonly path: string;
  readonly memberId: string;
  readonly session: string;
  readonly sequence: number;
}

/**
 * Queues of ephemeral sequential nodes, `<namespace>/<instance>/.candidates/<mapping>/<member>.<session>-<sequence>`.
 * The server removes them with their session. Each candidate watches only the one in front of it, so that the end of one
 * wakes one. Names carry member and session: a node whose creation was never answered is recognised, and one of an
 * earlier session is not taken for a place that this process holds.
 */
export class ZooKeeperElection implements Election {
  readonly self: Member;
  readonly #options: ZooKeeperElectionOptions;
  readonly #nodes: LedgerNodes;
  readonly #watched = new Set<string>();
  /** By the path of their nodes; as many as there are nodes. */
  #members = new Map<string, Member>();

  constructor(options: ZooKeeperElectionOptions) {
    this.#options = options;
    this.self = options.self;
    this.#nodes = new LedgerNodes(options.session, options.namespaceRoot, options.acl);
  }

  get sessionTimeoutMs(): number {
    const { state } = this.#options.session;
    return state.kind === 'connected' ? state.sessionTimeoutMs : this.#options.sessionTimeoutMs;
  }

  async queues(mappings: readonly string[], signal: AbortSignal): Promise<Map<string, Queue>> {
    const places = await this.#authoritatively(signal, () =>
      concurrently(mappings, IN_FLIGHT, (mapping) => this.#places(mapping, signal)),
    );
    await concurrently(places, IN_FLIGHT, (queue) => this.#watchPredecessor(queue, signal));
    await this.#learnMembers(places.flat(), signal);
    return new Map(mappings.map((mapping, i) => [mapping, this.#queueOf(places[i] ?? [])]));
  }

  async enter(mapping: string, signal: AbortSignal): Promise<void> {
    const { session, acl } = this.#options;
    const places = await this.#authoritatively(signal, () => this.#places(mapping, signal));
    const own = places.filter((place) => place.memberId === this.self.id);
    const [kept, ...doubled] = own.filter((place) => this.#isMine(place));
    await this.#remove([...doubled, ...own.filter((place) => !this.#isMine(place))], signal);
    if (kept !== undefined) return;
    const { state } = session;
    if (state.kind !== 'connected') throw this.#lost('not connected');
    const path = `${this.#queuePath(mapping)}/${this.self.id}.${state.sessionId}-`;
    const { host, admin } = this.self;
    const data = Buffer.from(JSON.stringify({ host, admin }));
    const create = { kind: 'create', path, data, acl, mode: 'ephemeral-sequential' } as const;
    const outcome = await session.multi([create], signal);
    if (outcome.kind === 'applied') return;
    if (outcome.status !== STATUS.noNode)
      throw refusedByServer(`create ${path}`, session.server, outcome.status);
    await this.#nodes.makeParents(path, signal);
    const again = await session.multi([create], signal);
    if (again.kind === 'failed') throw refusedByServer(`create ${path}`, session.server, again.status);
  }

  async leave(mapping: string, signal: AbortSignal): Promise<void> {
    const places = await this.#authoritatively(signal, () => this.#places(mapping, signal));
    await this.#remove(
      places.filter((place) => place.memberId === this.self.id),
      signal,
    );
  }

  onChange(listener: () => void): () => void {
    const { session } = this.#options;
    const onEvent = ({ path }: WatchEvent): void => {
      if (this.#watched.delete(path)) listener();
    };
    const unlistenEvents = session.onEvent(onEvent);
    const unlistenState = session.onState(listener);
    return () => {
      unlistenEvents();
      unlistenState();
    };
  }

  /** In line, lowest sequence first. */
  async #places(mapping: string, signal: AbortSignal): Promise<Place[]> {
    const queue = this.#queuePath(mapping);
    const { session } = this.#options;
    const answer = await session.getChildren(queue, signal);
    if (answer.kind === 'denied')
      throw refusedByServer(`getChildren2 ${queue}`, session.server, STATUS.noAuth);
    const names = answer.kind === 'node' ? answer.node.names : [];
    return names
      .flatMap((name) => placeOf(childPath(queue, name), name) ?? [])
      .sort((a, b) => a.sequence - b.sequence);
  }

  async #watchPredecessor(places: readonly Place[], signal: AbortSignal): Promise<void> {
    const index = places.findIndex((place) => this.#isMine(place));
    const predecessor = places[index - 1];
    if (predecessor === undefined) return;
    this.#watched.add(predecessor.path);
    await this.#options.session.exists(predecessor.path, signal, true);
  }

  async #learnMembers(places: readonly Place[], signal: AbortSignal): Promise<void> {
    const known = new Map<string, Member>();
    await concurrently(places, IN_FLIGHT, async ({ path, memberId }) => {
      known.set(path, this.#members.get(path) ?? (await this.#readMember(path, memberId, signal)));
    });
    this.#members = known;
    for (const path of this.#watched) if (!known.has(path)) this.#watched.delete(path);
  }

  async #readMember(path: string, id: string, signal: AbortSignal): Promise<Member> {
    const answer = await this.#options.session.getData(path, signal);
    const about = answer.kind === 'node' ? parseAbout(answer.node.data.toString('utf8')) : {};
    return { id, host: about.host ?? 'unknown', admin: about.admin };
  }

  #queueOf(places: readonly Place[]): Queue {
    const queue: Candidate[] = [];
    for (const place of places) {
      const mine = this.#isMine(place);
      // A node whose creation was answered late can stand there twice: the first counts.
      if (mine && queue.some((candidate) => candidate.mine)) continue;
      const unknown = { id: place.memberId, host: 'unknown', admin: undefined };
      queue.push({ member: this.#members.get(place.path) ?? unknown, mine, session: place.session });
    }
    return queue;
  }

  async #remove(places: readonly Place[], signal: AbortSignal): Promise<void> {
    const { session } = this.#options;
    for (const { path } of places) {
      const outcome = await session.multi([{ kind: 'delete', path, version: -1 }], signal);
      const isGone = outcome.kind === 'applied' || outcome.status === STATUS.noNode;
      if (!isGone) throw refusedByServer(`delete ${path}`, session.server, outcome.status);
    }
  }

  #isMine({ memberId, session }: Place): boolean {
    const { state } = this.#options.session;
    return memberId === this.self.id && state.kind === 'connected' && state.sessionId === session;
  }

  /** Reads behind a `sync`, all of it over the connection that was synced. */
  async #authoritatively<T>(signal: AbortSignal, read: () => Promise<T>): Promise<T> {
    const { session, namespaceRoot } = this.#options;
    const { connections } = session;
    const [, result] = await Promise.all([session.sync(namespaceRoot, signal), read()]);
    if (session.connections !== connections) throw this.#lost('the connection was lost on the way');
    return result;
  }

  #queuePath(mapping: string): string {
    const { namespaceRoot, instance } = this.#options;
    return `${namespaceRoot}/${instance}/${CANDIDATES}/${mapping}`;
  }

  #lost(detail: string): Error {
    const { namespaceRoot, instance, session } = this.#options;
    const what = `the election below ${namespaceRoot}/${instance}/${CANDIDATES} on ${session.server}`;
    return unanswered('connection-lost', what, detail, false);
  }
}

function placeOf(path: string, name: string): Place | undefined {
  const [, memberId, session, sequence] = PLACE.exec(name) ?? [];
  if (memberId === undefined || session === undefined) return undefined;
  return { path, memberId, session, sequence: Number(sequence) };
}

function parseAbout(text: string): { host?: string; admin?: string } {
  try {
    const { host, admin } = JSON.parse(text) as Record<string, unknown>;
    return { ...(typeof host === 'string' && { host }), ...(typeof admin === 'string' && { admin }) };
  } catch {
    return {};
  }
}
