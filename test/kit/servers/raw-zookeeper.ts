import { createRequire } from 'node:module';
import type { Socket } from 'node:net';

/**
 * The tests' own eyes and hands in ZooKeeper. They share no code with the project, so that a fault of its clients
 * can't hide itself, and have no cleverness: no retries, no caches, one request per call.
 */

const REQUEST_TIMEOUT_MS = 10_000;

/** A znode's stat with all its 64-bit numbers exact. */
export interface ZnodeStat {
  readonly czxid: bigint;
  readonly mzxid: bigint;
  readonly pzxid: bigint;
  readonly ctimeMs: number;
  readonly mtimeMs: number;
  readonly version: number;
  readonly cversion: number;
  readonly aversion: number;
  readonly ephemeralOwner: bigint;
  readonly dataLength: number;
  readonly numChildren: number;
}

export interface Znode {
  /** Null when the znode has no data at all, which is not the same to ZooKeeper as empty data. */
  readonly data: Buffer | null;
  readonly stat: ZnodeStat;
}

export interface ZnodeAcl {
  /** As in `ZooDefs.Perms`: read 1, write 2, create 4, delete 8, admin 16. */
  readonly permissions: number;
  readonly scheme: string;
  readonly id: string;
}

export type ZnodeMode = 'persistent' | 'persistent-sequential' | 'ephemeral' | 'ephemeral-sequential';

export type ZnodeOperation =
  | { readonly kind: 'create'; readonly path: string; readonly data?: string | Uint8Array }
  | {
      readonly kind: 'set';
      readonly path: string;
      readonly data: string | Uint8Array;
      readonly version?: number;
    }
  | { readonly kind: 'delete'; readonly path: string; readonly version?: number }
  | { readonly kind: 'check'; readonly path: string; readonly version: number };

export interface RawZooKeeperOptions {
  readonly sessionTimeoutMs?: number;
  /** `user:password` of the digest scheme. */
  readonly digest?: string;
  /**
   * Whether a lost connection is made anew, with the same session (the default). A session that doesn't can't send
   * late what was asked before the loss.
   */
  readonly reconnects?: boolean;
}

const CREATE_MODES: Record<ZnodeMode, number> = {
  persistent: 0,
  ephemeral: 1,
  'persistent-sequential': 2,
  'ephemeral-sequential': 3,
};
const ANY_VERSION = -1;
const NO_NODE = -101;
const NODE_EXISTS = -110;

/** A ZooKeeper session. */
export class RawZooKeeper {
  readonly #client: Client;

  private constructor(client: Client) {
    this.#client = client;
  }

  static async connect(
    server: { readonly connect: string },
    { sessionTimeoutMs = 10_000, digest, reconnects = true }: RawZooKeeperOptions = {},
  ): Promise<RawZooKeeper> {
    const client = zookeeper.createClient(server.connect, {
      sessionTimeout: sessionTimeoutMs,
      spinDelay: 50,
    });
    await withDeadline(`connect to ${server.connect}`, (done) => {
      client.once('connected', () => {
        done(null);
      });
      client.connect();
    }).catch((error: unknown) => {
      new RawZooKeeper(client).abandon();
      throw error;
    });
    if (digest !== undefined) client.addAuthInfo('digest', Buffer.from(digest));
    if (!reconnects) client.connectionManager.connect = () => undefined;
    return new RawZooKeeper(client);
  }

  /** The session's id, as `ephemeralOwner` of its znodes has it. */
  get sessionId(): bigint {
    return this.#client.getSessionId().readBigInt64BE();
  }

  /** Ends the session, so that its ephemeral znodes go at once. Without a connection: the same as `abandon`. */
  async close(): Promise<void> {
    if (this.#client.getState().getName() === 'SYNC_CONNECTED') {
      await withDeadline('close', (done) => {
        this.#client.once('disconnected', () => {
          done(null);
        });
        this.#client.close();
      });
    }
    this.abandon();
  }

  /** Drops the connection for good and leaves the session to its timeout, as a client does that crashes. */
  abandon(): void {
    const { connectionManager } = this.#client;
    connectionManager.connect = () => undefined;
    connectionManager.onSocketConnected = () => connectionManager.socket.destroy();
    connectionManager.socket.destroy();
  }

  /**
   * Makes a znode, and its parents without data where they are missing.
   * @returns its path, which a sequential mode has completed
   */
  async create(
    path: string,
    data?: string | Uint8Array,
    { mode = 'persistent', acl }: { mode?: ZnodeMode; acl?: readonly ZnodeAcl[] } = {},
  ): Promise<string> {
    const parent = path.slice(0, path.lastIndexOf('/'));
    if (parent !== '' && (await this.get(parent)) === undefined) await this.#createParent(parent);
    return await withDeadline(`create ${path}`, (done) => {
      this.#client.create(path, bytes(data), acl && encodeAcl(acl), CREATE_MODES[mode], done);
    });
  }

  /** The znode, or undefined when there is none. */
  async get(path: string): Promise<Znode | undefined> {
    try {
      const [data, stat] = await withDeadline<[Buffer | null | undefined, ClientStat]>(
        `get ${path}`,
        (done) => {
          this.#client.getData(path, (error, data, stat) => {
            done(error, [data, stat]);
          });
        },
      );
      return { data: data ?? null, stat: decodeStat(stat) };
    } catch (error) {
      if (codeOf(error) === NO_NODE) return undefined;
      throw error;
    }
  }

  /** Leaves a watch on the znode's data, as a program does that wants to hear of its changes. */
  async watchData(path: string): Promise<void> {
    const watcher = (): void => undefined;
    await withDeadline(`watch ${path}`, (done) => {
      this.#client.exists(path, watcher, done);
    });
  }

  async set(path: string, data: string | Uint8Array | null, version = ANY_VERSION): Promise<ZnodeStat> {
    const stat = await withDeadline<ClientStat>(`set ${path}`, (done) => {
      this.#client.setData(path, bytes(data), version, done);
    });
    return decodeStat(stat);
  }

  async remove(path: string, version = ANY_VERSION): Promise<void> {
    await withDeadline(`remove ${path}`, (done) => {
      this.#client.remove(path, version, done);
    });
  }

  /** Removes a znode and everything below it, one after the other, children first. Nothing there: nothing done. */
  async removeRecursive(path: string): Promise<void> {
    for (const below of (await this.listTree(path)).reverse()) await this.remove(below);
  }

  /** The names of a znode's children, sorted. */
  async children(path: string): Promise<string[]> {
    const names = await withDeadline<string[]>(`children of ${path}`, (done) => {
      this.#client.getChildren(path, done);
    });
    return names.sort();
  }

  /** The paths of a znode and of everything below it, parents first, sorted; none when it isn't there. */
  async listTree(path: string): Promise<string[]> {
    if ((await this.get(path)) === undefined) return [];
    const parent = path === '/' ? '' : path;
    const below: string[] = [];
    for (const name of await this.children(path)) below.push(...(await this.listTree(`${parent}/${name}`)));
    return [path, ...below];
  }

  async setAcl(path: string, acl: readonly ZnodeAcl[]): Promise<void> {
    await withDeadline(`setACL ${path}`, (done) => {
      this.#client.setACL(path, encodeAcl(acl), ANY_VERSION, done);
    });
  }

  async getAcl(path: string): Promise<ZnodeAcl[]> {
    const acl = await withDeadline<ClientAcl[]>(`getACL ${path}`, (done) => {
      this.#client.getACL(path, done);
    });
    return acl.map(({ permission, id }) => ({ permissions: permission, scheme: id.scheme, id: id.id }));
  }

  /** Everything or nothing. */
  async multi(operations: readonly ZnodeOperation[]): Promise<void> {
    const transaction = this.#client.transaction();
    for (const operation of operations) addToTransaction(transaction, operation);
    await withDeadline('multi', (done) => {
      transaction.commit(done);
    });
  }

  async #createParent(path: string): Promise<void> {
    await this.create(path).catch((error: unknown) => {
      if (codeOf(error) !== NODE_EXISTS) throw error; // Another client was faster.
    });
  }
}

type Done<T> = (error: Error | null | undefined, result?: T) => void;

/** The part of `node-zookeeper-client` 1.1.3 used here, which ships no types. */
interface Client {
  readonly connectionManager: { connect: () => void; onSocketConnected: () => void; socket: Socket };
  connect(): void;
  close(): void;
  getState(): { getName(): string };
  once(event: 'connected' | 'disconnected', listener: () => void): void;
  getSessionId(): Buffer;
  addAuthInfo(scheme: string, auth: Buffer): void;
  create(path: string, data: Buffer | null, acl: unknown, mode: number, done: Done<string>): void;
  exists(path: string, watcher: () => void, done: (error: Error | null) => void): void;
  getData(
    path: string,
    done: (error: Error | null, data: Buffer | null | undefined, stat: ClientStat) => void,
  ): void;
  setData(path: string, data: Buffer | null, version: number, done: Done<ClientStat>): void;
  remove(path: string, version: number, done: Done<void>): void;
  getChildren(path: string, done: Done<string[]>): void;
  setACL(path: string, acl: unknown, version: number, done: Done<void>): void;
  getACL(path: string, done: Done<ClientAcl[]>): void;
  transaction(): ClientTransaction;
}

interface ClientTransaction {
  readonly ops: { version?: number }[];
  create(path: string, data: Buffer | null): void;
  setData(path: string, data: Buffer | null): void;
  remove(path: string): void;
  check(path: string): void;
  commit(done: Done<void>): void;
}

type StatLong = 'czxid' | 'mzxid' | 'pzxid' | 'ctime' | 'mtime' | 'ephemeralOwner';
type StatInt = 'version' | 'cversion' | 'aversion' | 'dataLength' | 'numChildren';
type ClientStat = Readonly<Record<StatLong, Buffer> & Record<StatInt, number>>;

interface ClientAcl {
  readonly permission: number;
  readonly id: { readonly scheme: string; readonly id: string };
}

interface ClientPackage {
  createClient(connect: string, options: { sessionTimeout: number; spinDelay: number }): Client;
  ACL: new (permission: number, id: unknown) => object;
  Id: new (scheme: string, id: string) => object;
}

const zookeeper = createRequire(import.meta.url)('node-zookeeper-client') as ClientPackage;

/** The client may never call back, when the connection breaks at the wrong moment. */
function withDeadline<T>(what: string, operate: (done: Done<T>) => void): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Error(`${what}: no answer within ${String(REQUEST_TIMEOUT_MS)} ms`));
    }, REQUEST_TIMEOUT_MS);
    operate((error, result) => {
      clearTimeout(timer);
      if (error instanceof Error) reject(error);
      else resolve(result as T);
    });
  });
}

function addToTransaction(transaction: ClientTransaction, operation: ZnodeOperation): void {
  switch (operation.kind) {
    case 'create':
      transaction.create(operation.path, bytes(operation.data));
      return;
    case 'set':
      transaction.setData(operation.path, bytes(operation.data));
      break;
    case 'delete':
      transaction.remove(operation.path);
      break;
    case 'check':
      transaction.check(operation.path);
      break;
  }
  // Set here, since the client's own methods take version 0 for "any version".
  const added = transaction.ops.at(-1);
  if (added !== undefined) added.version = operation.version ?? ANY_VERSION;
}

function bytes(data: string | Uint8Array | null | undefined): Buffer | null {
  return data === null || data === undefined ? null : Buffer.from(data);
}

function encodeAcl(acl: readonly ZnodeAcl[]): object[] {
  return acl.map(
    ({ permissions, scheme, id }) => new zookeeper.ACL(permissions, new zookeeper.Id(scheme, id)),
  );
}

function decodeStat(stat: ClientStat): ZnodeStat {
  return {
    czxid: stat.czxid.readBigInt64BE(),
    mzxid: stat.mzxid.readBigInt64BE(),
    pzxid: stat.pzxid.readBigInt64BE(),
    ctimeMs: Number(stat.ctime.readBigInt64BE()),
    mtimeMs: Number(stat.mtime.readBigInt64BE()),
    version: stat.version,
    cversion: stat.cversion,
    aversion: stat.aversion,
    ephemeralOwner: stat.ephemeralOwner.readBigInt64BE(),
    dataLength: stat.dataLength,
    numChildren: stat.numChildren,
  };
}

function codeOf(error: unknown): number | undefined {
  return (error as { code?: number }).code;
}
