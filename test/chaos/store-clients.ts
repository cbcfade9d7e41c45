import type { Key, Value } from '../kit/history/history.js';
import { RawConsul } from '../kit/servers/raw-consul.js';
import { RawZooKeeper } from '../kit/servers/raw-zookeeper.js';
import type { WriteResult } from './client-writes.js';
import type { MappingPlace } from './chaos-stage.js';

/** How long a client waits for an answer. Its request may still be carried out afterwards. */
const ANSWER_TIMEOUT_MS = 3_000;

/** An entry as a client found it, on which its next write has its condition. */
export interface Found {
  /** Undefined: it was not there. */
  readonly value: Value | undefined;
  readonly condition: bigint;
}

/** What a writer needs of a store. Every method ends within a few seconds. */
export interface StoreClient {
  /** @throws when the store does not answer */
  read(place: MappingPlace, key: Key): Promise<Found>;
  /** Sets or, with undefined, deletes the entry, if it still is as it was found. */
  write(place: MappingPlace, key: Key, value: Value | undefined, found: Found): Promise<WriteResult>;
  close(): Promise<void>;
}

const REFUSED: WriteResult = { outcome: 'refused' };
const UNKNOWN: WriteResult = { outcome: 'unknown' };

/**
 * A session, made anew after whatever goes wrong: what was asked in the old one can't be sent late then, though a
 * server that was paused with it may still carry it out.
 */
export class ZooKeeperClient implements StoreClient {
  readonly #connect: string;
  #session: RawZooKeeper | undefined;

  constructor(connect: string) {
    this.#connect = connect;
  }

  async read({ path }: MappingPlace, key: Key): Promise<Found> {
    const session = await this.#connected();
    const znode = await this.#orLost(session.get(`${path}/${key}`));
    if (znode === undefined) return { value: undefined, condition: 0n };
    const { version, czxid } = znode.stat;
    return { value: (znode.data ?? '').toString(), condition: (czxid << 32n) | BigInt(version) };
  }

  async write(place: MappingPlace, key: Key, value: Value | undefined, found: Found): Promise<WriteResult> {
    const session = await this.#connected();
    const path = `${place.path}/${key}`;
    const version = Number(found.condition & 0xffff_ffffn);
    try {
      if (value === undefined) {
        await this.#orLost(session.remove(path, version));
        return { outcome: 'acknowledged' };
      }
      if (found.value === undefined) {
        await this.#orLost(session.create(path, value));
        return { outcome: 'acknowledged' };
      }
      const { mzxid, czxid } = await this.#orLost(session.set(path, value, version));
      const isTheOneFound = czxid === found.condition >> 32n;
      return {
        outcome: 'acknowledged',
        number: mzxid,
        ...(!isTheOneFound && { replaced: 'another incarnation' }),
      };
    } catch (error) {
      return REFUSALS.has((error as Error).name) ? REFUSED : UNKNOWN;
    }
  }

  async close(): Promise<void> {
    this.#session?.abandon();
    this.#session = undefined;
  }

  async #connected(): Promise<RawZooKeeper> {
    this.#session ??= await RawZooKeeper.connect(
      { connect: this.#connect },
      { sessionTimeoutMs: ANSWER_TIMEOUT_MS, reconnects: false },
    );
    return this.#session;
  }

  async #orLost<T>(answer: Promise<T>): Promise<T> {
    try {
      return await withinTime(answer);
    } catch (error) {
      if (!REFUSALS.has((error as Error).name)) await this.close();
      throw error;
    }
  }
}

/** The errors by which ZooKeeper says that it has done nothing, and goes on. */
const REFUSALS = new Set(['NO_NODE', 'NODE_EXISTS', 'NOT_EMPTY', 'BAD_VERSION']);

/** Asks one of the agents, and another one when that fails. */
export class ConsulClient implements StoreClient {
  readonly #agents: readonly RawConsul[];
  #next: number;

  constructor(agents: readonly { readonly address: string }[], first: number) {
    this.#agents = agents.map((agent) => new RawConsul(agent));
    this.#next = first;
  }

  async read({ prefix }: MappingPlace, key: Key): Promise<Found> {
    const entry = await this.#orNext((agent) => agent.get(`${prefix}${key}`));
    return entry === undefined
      ? { value: undefined, condition: 0n }
      : { value: entry.value.toString(), condition: entry.modifyIndex };
  }

  async write(place: MappingPlace, key: Key, value: Value | undefined, found: Found): Promise<WriteResult> {
    const name = `${place.prefix}${key}`;
    const { condition: index } = found;
    // Deleting by itself passes where nothing is there any more (1.8.7).
    const operations =
      value === undefined
        ? [
            { verb: 'check-index', key: name, index },
            { verb: 'delete-cas', key: name, index },
          ]
        : [{ verb: 'cas', key: name, value, index }];
    try {
      const { status, entries } = await this.#orNext((agent) => agent.transaction(operations));
      if (status === 409) return REFUSED;
      if (status !== 200) {
        this.#next++;
        return UNKNOWN;
      }
      const number = entries[0]?.modifyIndex;
      return { outcome: 'acknowledged', ...(number !== undefined && { number }) };
    } catch {
      return UNKNOWN;
    }
  }

  async close(): Promise<void> {
    // Its connections are the process's own.
  }

  async #orNext<T>(ask: (agent: RawConsul) => Promise<T>): Promise<T> {
    const agent = this.#agents[this.#next % this.#agents.length];
    if (agent === undefined) throw new RangeError('there is no agent to ask');
    try {
      return await withinTime(ask(agent));
    } catch (error) {
      this.#next++;
      throw error;
    }
  }
}

async function withinTime<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`no answer within ${ANSWER_TIMEOUT_MS} ms`)),
      ANSWER_TIMEOUT_MS,
    );
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
