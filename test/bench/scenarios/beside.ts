import type { ConsulServer } from '../../kit/servers/consul-server.js';
import type { ZooKeeperServer } from '../../kit/servers/zookeeper-server.js';
import { sleep } from '../clock.js';
import { inSync, startDaemon } from '../contenders/daemon.js';
import { HttpConnection } from '../contenders/http-connection.js';
import { scriptToConsul, scriptToZooKeeper, TUNED } from '../contenders/scripts.js';
import { valueOf } from '../entries.js';
import type { Figure, Round, Scenario } from '../scenario.js';
import { quantile } from '../statistics.js';
import {
  connectZooKeeper,
  createOperation,
  fillConsul,
  fillZooKeeper,
  multi,
  startBenchConsul,
  startBenchZooKeeper,
} from '../stores.js';

const IDLE_MS = 15_000;
const IDLE_MS_BRIEF = 500;
const WRITE_EVERY_MS = 20;
/** The scripts take minutes for all. */
const SCRIPT_ENTRIES_MAX = 10_000;
/** `limits.*.writesPerSecond`, as somebody would set it who cares for a busy quorum. */
const LIMIT = 1_000;
const CLIENT_PATH = '/client';
const CLIENT_KEY = 'client/setting';

type Copy = (zookeeper: ZooKeeperServer, consul: ConsulServer) => Promise<void>;

/** Writes as a client's, of a store that is copied to. */
interface Client {
  write(number: number): Promise<unknown>;
  close(): Promise<void> | void;
}

/** The store that is copied to, and who may fill it from the other. */
interface Direction {
  readonly to: string;
  fill(round: Round, zookeeper: ZooKeeperServer, consul: ConsulServer): Promise<void>;
  connect(zookeeper: ZooKeeperServer, consul: ConsulServer): Promise<Client>;
  readonly script: Copy;
}

const TO_CONSUL: Direction = {
  to: 'Consul',
  fill: ({ entries, shape }, zookeeper) => fillZooKeeper(zookeeper, entries, shape),
  connect: (_, { address }) => {
    const connection = new HttpConnection(address);
    const write = (number: number) => connection.send('PUT', `/v1/kv/${CLIENT_KEY}`, valueOf(number));
    return Promise.resolve({ write, close: () => connection.close() });
  },
  script: (zookeeper, consul) => scriptToConsul(TUNED, zookeeper, consul, SCRIPT_ENTRIES_MAX),
};

const TO_ZOOKEEPER: Direction = {
  to: 'ZooKeeper',
  fill: ({ entries, shape }, _, consul) => fillConsul(consul, entries, shape),
  async connect(zookeeper) {
    const session = await connectZooKeeper(zookeeper);
    await multi(session, [createOperation(CLIENT_PATH, Buffer.alloc(0))]);
    const write = (number: number) =>
      multi(session, [{ kind: 'setData', path: CLIENT_PATH, data: valueOf(number), version: -1 }]);
    return { write, close: () => session.close() };
  },
  script: (zookeeper, consul) => scriptToZooKeeper(TUNED, consul, zookeeper, SCRIPT_ENTRIES_MAX),
};

export const beside: Scenario = {
  name: 'beside',
  about: "how long a client's own writes take while everything is copied into its store",
  sizes: { entries: 30_000, shape: 'nested' },
  smallest: { entries: 300, shape: 'nested' },
  rounds: 3,
  async measure(round) {
    const figures: Figure[] = [];
    for (const direction of [TO_CONSUL, TO_ZOOKEEPER]) {
      figures.push(
        ...(await writesBeside(round, direction, 'nobody', () =>
          sleep(round.isBrief ? IDLE_MS_BRIEF : IDLE_MS),
        )),
        ...(await writesBeside(round, direction, 'zk-consul-sync', copying(round, 0))),
        ...(await writesBeside(round, direction, `zk-consul-sync, ${LIMIT}/s`, copying(round, LIMIT))),
        ...(await writesBeside(round, direction, 'tuned script', direction.script)),
      );
    }
    return figures;
  },
};

/** From the start of the process until it says that both sides are equal. @param limit 0 for none */
function copying({ entries }: Round, limit: number): Copy {
  const writesPerSecond = { writesPerSecond: limit };
  return async (zookeeper, consul) => {
    const limits = { zookeeper: writesPerSecond, consul: writesPerSecond };
    const daemon = await startDaemon(zookeeper, consul, limits);
    await inSync(daemon, entries);
    await daemon.dispose();
  };
}

async function writesBeside(
  round: Round,
  { to, fill, connect }: Direction,
  contender: string,
  copy: Copy,
): Promise<Figure[]> {
  const [zookeeper, consul] = await Promise.all([startBenchZooKeeper(), startBenchConsul()]);
  await fill(round, zookeeper, consul);
  const client = await connect(zookeeper, consul);
  const tookMs: number[] = [];
  const over = new AbortController();
  const copying = copy(zookeeper, consul).finally(() => over.abort());
  while (!over.signal.aborted) {
    const startedMs = performance.now();
    await client.write(tookMs.length);
    tookMs.push(performance.now() - startedMs);
    await sleep(WRITE_EVERY_MS);
  }
  await copying;
  await client.close();
  await Promise.all([zookeeper.dispose(), consul.dispose()]);
  const figures = [0.5, 0.99].map((share) => ({
    contender,
    name: `a client's write to ${to}, p${share * 100}, ms`,
    value: quantile(tookMs, share),
  }));
  for (const { name, value } of figures) round.tell(`${contender}: ${name} ${value.toFixed(2)}`);
  return figures;
}
