import type { Binding, Bound, FormerBinding } from '../ports/binding.js';
import type { Clock } from '../ports/clock.js';
import type { SessionIdentity } from './client-seam.js';
import { LedgerNodes } from './ledger-nodes.js';
import { decodeIdentity, encodeIdentity } from './noted-session.js';
import type { AclEntry, MultiOperation } from './protocol.js';
import type { ConnectedState } from './reconnecting-client.js';
import { refusedByServer, STATUS, unanswered, ZooKeeperError } from './zookeeper-errors.js';
import type { ReadThenMulti, ZooKeeperSession } from './zookeeper-session.js';

export interface SessionLeaseOptions {
  /** Of this process, for everything but what is bound. */
  readonly main: ZooKeeperSession;
  /** Makes a session that goes on with another one while that still lives, and begins anew otherwise. */
  readonly open: (resumed: SessionIdentity | undefined) => ZooKeeperSession;
  /** The node that tells which session it is, to whoever comes next. */
  readonly path: string;
  /** For every node that is made. */
  readonly acl: readonly AclEntry[];
  /** Of all deployments: `/zk-consul-sync`. */
  readonly namespaceRoot: string;
  /** Whether a session is begun where none is noted. Otherwise, one that is noted is kept as long as it lives, or is needed. */
  readonly begins: boolean;
  readonly clock: Clock;
  /** How long a write waits for the session, when it is not there. */
  readonly waitMs: number;
  readonly onTrouble: (error: Error) => void;
  /** Told of every session that was taken over or begun. */
  readonly onBound: (state: ConnectedState) => void;
}

/** What was noted of the session, at the version of the node. */
interface Noted {
  readonly identity: SessionIdentity | undefined;
  readonly version: number;
  readonly since: bigint;
}

interface Held extends Bound {
  readonly lease: ZooKeeperSession;
}

const RETRY_MS = 1_000;
/** Requests have a timeout of their own. */
const NEVER = new AbortController().signal;

/**
 * A session that processes hand on to each other, so that ephemeral nodes outlive each of them and go after the last: who
 * tends takes up the session that is noted in ZooKeeper, or begins one where it has expired, and notes it before anything
 * is bound to it. Nothing moves in a handover. Whoever had it before loses the connection, and not the nodes.
 */
export class SessionLease implements Binding, FormerBinding {
  readonly #options: SessionLeaseOptions;
  readonly #nodes: LedgerNodes;
  readonly #listeners = new Set<() => void>();
  #tending: AbortController | undefined;
  #running: Promise<void> = Promise.resolve();
  #held: Held | undefined;
  #lastSession: string | undefined;
  /** Aborted while the session is held. */
  #arrival = new AbortController();
  #trouble: string | undefined;
  /** Aborted when there is nothing to hold any more, until it is tended anew: others may have begun a session meanwhile. */
  #ended = new AbortController();

  constructor(options: SessionLeaseOptions) {
    this.#options = options;
    this.#nodes = new LedgerNodes(options.main, options.namespaceRoot, options.acl);
  }

  get bound(): Bound | undefined {
    return this.#held;
  }

  get isTended(): boolean {
    return this.#tending !== undefined;
  }

  tend(tends: boolean): void {
    if (tends === this.isTended) return;
    this.#tending?.abort();
    this.#lastSession = undefined;
    this.#tending = tends ? new AbortController() : undefined;
    const { signal } = this.#tending ?? {};
    if (signal === undefined) return;
    const ended = (this.#ended = new AbortController());
    // One at a time: a session must be left before it is taken up again.
    this.#running = this.#running.then(() => this.#run(signal, ended));
  }

  /** Resolves when a session that is no longer tended was left. */
  async settled(): Promise<void> {
    await this.#running;
  }

  end(): void {
    if (this.#held !== undefined) this.#ended.abort();
  }

  onBound(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async confirm(signal: AbortSignal): Promise<Bound | undefined> {
    const held = this.#held;
    if (held === undefined) return undefined;
    try {
      await held.lease.sync(this.#options.path, signal);
    } catch (error) {
      if (error instanceof ZooKeeperError) return undefined;
      throw error;
    }
    return this.#held === held ? held : undefined;
  }

  /** As a session's own. Another server may be behind the one that was read from, so it catches up first. */
  async readThenMulti(
    groups: readonly (readonly string[])[],
    operations: readonly MultiOperation[],
    signal: AbortSignal,
  ): Promise<ReadThenMulti> {
    const { lease } = await this.#whenHeld(signal);
    if (groups.length > 0) await lease.sync(this.#options.path, signal);
    const done = await lease.readThenMulti(groups, operations, signal);
    if (done.outcome.kind === 'applied') this.#options.main.expectReached(done.outcome.zxid);
    return done;
  }

  async #whenHeld(signal: AbortSignal): Promise<Held> {
    const { clock, waitMs, path, main } = this.#options;
    if (this.#held === undefined) {
      await clock.sleep(waitMs, AbortSignal.any([signal, this.#arrival.signal]));
    }
    if (this.#held !== undefined) return this.#held;
    const detail = 'the session that copies are bound to could not be taken up or begun yet';
    throw unanswered('not-connected', `${path} on ${main.server}`, detail, false);
  }

  async #run(tending: AbortSignal, ended: AbortController): Promise<void> {
    const signal = AbortSignal.any([tending, ended.signal]);
    while (!signal.aborted) {
      try {
        await this.#hold(signal, ended);
      } catch (error) {
        if (signal.aborted) return;
        this.#report(error instanceof Error ? error : new Error(String(error)));
      }
      await this.#options.clock.sleep(RETRY_MS, signal);
    }
  }

  /** Each trouble once. */
  #report(error: Error): void {
    if (error.message !== this.#trouble) this.#options.onTrouble(error);
    this.#trouble = error.message;
  }

  async #hold(signal: AbortSignal, ended: AbortController): Promise<void> {
    await this.#options.main.whenConnected(signal);
    let noted = await this.#read(signal);
    const { begins, open } = this.#options;
    if (!begins && noted?.identity === undefined) {
      ended.abort();
      return;
    }
    const lease = open(noted?.identity);
    let isNoted = true;
    lease.start();
    try {
      for (;;) {
        const state = await lease.whenConnected(signal);
        if (!isSame(lease.identity, noted?.identity)) {
          isNoted = false;
          if (!begins) ended.abort();
          if (signal.aborted) return;
          try {
            noted = await this.#note(lease, noted, signal);
            isNoted = true;
          } catch (error) {
            // Its note may be there, and be found.
            isNoted = error instanceof ZooKeeperError && error.ambiguous;
            throw error;
          }
        }
        if (noted === undefined || lease.state !== state) continue;
        this.#take({ lease, session: state.sessionId, since: noted.since }, state);
        await lease.nextState(signal);
        this.#lose();
      }
    } finally {
      this.#lose();
      if (ended.signal.aborted && noted !== undefined) await this.#erase(noted);
      // Nothing is bound to a session that nobody has ever known of.
      await (isNoted ? lease.leave() : lease.close());
    }
  }

  #take(held: Held, state: ConnectedState): void {
    this.#held = held;
    this.#trouble = undefined;
    this.#arrival.abort();
    if (this.#lastSession === held.session) return;
    this.#lastSession = held.session;
    this.#options.onBound(state);
    for (const listener of [...this.#listeners]) listener();
  }

  #lose(): void {
    this.#held = undefined;
    if (this.#arrival.signal.aborted) this.#arrival = new AbortController();
  }

  async #read(signal: AbortSignal): Promise<Noted | undefined> {
    const { main, path } = this.#options;
    const [, answer] = await Promise.all([main.sync(path, signal), main.getData(path, signal)]);
    if (answer.kind === 'denied') throw refusedByServer(`getData ${path}`, main.server, STATUS.noAuth);
    if (answer.kind === 'no-node') return undefined;
    const { data, stat } = answer.node;
    return { identity: decodeIdentity(data), version: stat.version, since: stat.mzxid };
  }

  /** Nobody will find the session any more. Who has found it just before, of another configuration, goes on with it. */
  async #erase({ version }: Noted): Promise<void> {
    const { main, path } = this.#options;
    try {
      await main.multi([{ kind: 'delete', path, version }], NEVER);
    } catch (error) {
      if (!(error instanceof ZooKeeperError)) throw error;
    }
  }

  /** By the session itself, and before anything is bound to it: what is older than the note was bound to others. */
  async #note(lease: ZooKeeperSession, before: Noted | undefined, signal: AbortSignal): Promise<Noted> {
    const { path, acl } = this.#options;
    const { identity } = lease;
    const data = encodeIdentity(identity);
    const operation: MultiOperation =
      before === undefined
        ? { kind: 'create', path, data, acl }
        : { kind: 'setData', path, data, version: before.version };
    let outcome = await lease.multi([operation], signal);
    if (outcome.kind === 'failed' && outcome.status === STATUS.noNode && before === undefined) {
      await this.#nodes.makeParents(path, signal);
      outcome = await lease.multi([operation], signal);
    }
    if (outcome.kind === 'applied') {
      const version = before === undefined ? 0 : before.version + 1;
      return { identity, version, since: outcome.zxid };
    }
    const isTaken = outcome.status === STATUS.badVersion || outcome.status === STATUS.nodeExists;
    if (!isTaken) throw refusedByServer(`multi, at ${path}`, lease.server, outcome.status);
    throw unanswered(
      'overloaded',
      `${path} on ${lease.server}`,
      'another daemon has just noted its own',
      false,
    );
  }
}

function isSame(a: SessionIdentity, b: SessionIdentity | undefined): boolean {
  return b !== undefined && a.id.equals(b.id);
}
