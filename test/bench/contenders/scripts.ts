import { createRequire } from 'node:module';
import Consul from 'consul';
import type { ConsulServer } from '../../kit/servers/consul-server.js';
import type { ZooKeeperServer } from '../../kit/servers/zookeeper-server.js';
import { CONSUL_PREFIX, inFlight, ZOOKEEPER_ROOT } from '../stores.js';

/** What a user would write in an afternoon: the two usual clients, entry by entry. */
export const PLAIN = 1;
/** The same after an evening's tuning: so many entries at once. */
export const TUNED = 32;

interface ScriptClient {
  connect(): void;
  close(): void;
  once(event: 'connected', done: () => void): void;
  getChildren(path: string, done: (error: Error | null, names: string[]) => void): void;
  getData(path: string, done: (error: Error | null, data: Buffer | undefined) => void): void;
  mkdirp(path: string, done: (error: Error | null) => void): void;
  create(path: string, data: Buffer, done: (error: Error | null) => void): void;
}

interface ScriptConsul {
  readonly kv: {
    keys(prefix: string): Promise<string[]>;
    get(options: { key: string; buffer: boolean }): Promise<{ Value: Buffer }>;
    set(options: { key: string; value: Buffer }): Promise<boolean>;
  };
}

const zookeeper = createRequire(import.meta.url)('node-zookeeper-client') as {
  createClient(servers: string, options: { sessionTimeout: number }): ScriptClient;
};

export async function scriptToConsul(
  width: number,
  from: ZooKeeperServer,
  to: ConsulServer,
  entriesMax = Infinity,
): Promise<void> {
  const [client, consul] = [await connect(from), consulClient(to)];
  const paths = await leavesBelow(client, ZOOKEEPER_ROOT, width, entriesMax);
  await inFlight(paths, width, async (path) => {
    const value = await called<Buffer | undefined>((done) => client.getData(path, done));
    const key = CONSUL_PREFIX + path.slice(ZOOKEEPER_ROOT.length + 1);
    await consul.kv.set({ key, value: value ?? Buffer.alloc(0) });
  });
  client.close();
}

export async function scriptToZooKeeper(
  width: number,
  from: ConsulServer,
  to: ZooKeeperServer,
  entriesMax = Infinity,
): Promise<void> {
  const [client, consul] = [await connect(to), consulClient(from)];
  const keys = (await consul.kv.keys(CONSUL_PREFIX)).slice(0, entriesMax);
  const made = new Set<string>();
  await inFlight(keys, width, async (key) => {
    const path = `${ZOOKEEPER_ROOT}/${key.slice(CONSUL_PREFIX.length)}`;
    const parent = path.slice(0, path.lastIndexOf('/'));
    const { Value } = await consul.kv.get({ key, buffer: true });
    if (!made.has(parent)) await called((done) => client.mkdirp(parent, done));
    made.add(parent);
    await called((done) => client.create(path, Value, done));
  });
  client.close();
}

async function connect({ connect: servers }: ZooKeeperServer): Promise<ScriptClient> {
  const client = zookeeper.createClient(servers, { sessionTimeout: 30_000 });
  const connected = new Promise<void>((resolve) => client.once('connected', resolve));
  client.connect();
  await connected;
  return client;
}

function consulClient({ port }: ConsulServer): ScriptConsul {
  return new Consul({ host: '127.0.0.1', port }) as unknown as ScriptConsul;
}

/** The paths of the nodes that have no children, as they are found. */
async function leavesBelow(
  client: ScriptClient,
  root: string,
  width: number,
  enough: number,
): Promise<string[]> {
  const leaves: string[] = [];
  let level = [root];
  while (level.length > 0 && leaves.length < enough) {
    const below: string[] = [];
    await inFlight(level, width, async (path) => {
      if (leaves.length >= enough) return;
      const names = await called<string[]>((done) => client.getChildren(path, done));
      if (names.length === 0) leaves.push(path);
      else below.push(...names.map((name) => `${path}/${name}`));
    });
    level = below;
  }
  return leaves.slice(0, enough);
}

function called<T = void>(call: (done: (error: Error | null, result: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, result) => (error === null || error === undefined ? resolve(result) : reject(error)));
  });
}
