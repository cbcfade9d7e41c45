import { SeededRandom } from '../../kit/memory-store/seeded-random.js';
import type { ConsulServer } from '../../kit/servers/consul-server.js';
import type { ZooKeeperServer } from '../../kit/servers/zookeeper-server.js';
import { sleep } from '../clock.js';
import { inSync, privateMb, startDaemon } from '../contenders/daemon.js';
import { HttpConnection, setOperation } from '../contenders/http-connection.js';
import { keyOf, valueOf } from '../entries.js';
import { Observer } from '../observer.js';
import type { Figure, Round, Scenario } from '../scenario.js';
import { quantile } from '../statistics.js';
import {
  connectZooKeeper,
  CONSUL_PREFIX,
  fillZooKeeper,
  startBenchConsul,
  startBenchZooKeeper,
  ZOOKEEPER_ROOT,
} from '../stores.js';

const CHANGES_PER_SECOND = 1_000;
const CHANGES_TOGETHER = 10;
const FOR_MS = 60_000;
const FOR_MS_BRIEF = 2_000;
const PROBE_EVERY_MS = 250;
const SETTLE_MS = 5_000;
/** Every so many-th entry is left to those who look how long a change takes, half of them on each side. */
const PROBED_EVERY = 50;
const PROBED = [7, 13] as const;

export const storm: Scenario = {
  name: 'storm',
  about: `${CHANGES_PER_SECOND} changes a second on each side at once, and how long other ones take meanwhile`,
  sizes: { entries: 100_000, shape: 'nested' },
  smallest: { entries: 300, shape: 'nested' },
  rounds: 1,
  async measure(round) {
    const contender = 'zk-consul-sync';
    const [zookeeper, consul] = await Promise.all([startBenchZooKeeper(), startBenchConsul()]);
    await fillZooKeeper(zookeeper, round.entries, round.shape);
    const daemon = await startDaemon(zookeeper, consul);
    await inSync(daemon, round.entries);
    await sleep(round.isBrief ? 0 : SETTLE_MS);
    const forMs = round.isBrief ? FOR_MS_BRIEF : FOR_MS;
    const over = AbortSignal.timeout(forMs);
    const [toConsulMs, toZooKeeperMs, written] = await Promise.all([
      probe(round, zookeeper, consul, 'zookeeper', over),
      probe(round, zookeeper, consul, 'consul', over),
      Promise.all([writeZooKeeper(round, zookeeper, over), writeConsul(round, consul, over)]),
    ]);
    const startedMs = performance.now();
    await inSync(daemon, round.entries);
    const figures: Figure[] = [
      { contender, name: 'changes/s in ZooKeeper', value: (1_000 * written[0]) / forMs },
      { contender, name: 'changes/s in Consul', value: (1_000 * written[1]) / forMs },
      ...quantiles(contender, 'to Consul', toConsulMs),
      ...quantiles(contender, 'to ZooKeeper', toZooKeeperMs),
      { contender, name: 'in sync after the last one, s', value: (performance.now() - startedMs) / 1_000 },
      { contender, name: 'private memory, MB', value: await privateMb(daemon.pid) },
    ];
    await daemon.dispose();
    await Promise.all([zookeeper.dispose(), consul.dispose()]);
    for (const { name, value } of figures) round.tell(`${name}: ${value.toFixed(1)}`);
    return figures;
  },
};

function quantiles(contender: string, where: string, tookMs: readonly number[]): Figure[] {
  return [0.5, 0.99].map((share) => {
    return { contender, name: `${where}, p${share * 100}, ms`, value: quantile(tookMs, share) };
  });
}

/** Changes that nobody else touches, one after the other. */
async function probe(
  { entries, shape, number }: Round,
  zookeeper: ZooKeeperServer,
  consul: ConsulServer,
  at: 'zookeeper' | 'consul',
  over: AbortSignal,
): Promise<number[]> {
  const observer = await Observer.connect(zookeeper, consul);
  const random = new SeededRandom(number);
  const tookMs: number[] = [];
  const [left, right] = PROBED;
  while (!over.aborted) {
    const probed =
      PROBED_EVERY * random.below(Math.floor(entries / PROBED_EVERY)) + (at === 'consul' ? right : left);
    const change =
      at === 'consul' ? observer.changeInConsul(probed, shape) : observer.changeInZooKeeper(probed, shape);
    tookMs.push(await change);
    await sleep(PROBE_EVERY_MS);
  }
  await observer.close();
  return tookMs;
}

async function writeZooKeeper(round: Round, server: ZooKeeperServer, over: AbortSignal): Promise<number> {
  const session = await connectZooKeeper(server);
  const written = await atRate(round, 0, over, async (numbers, turn) => {
    const operations = numbers.map((number) => {
      const path = `${ZOOKEEPER_ROOT}/${keyOf(number, round.shape)}`;
      return { kind: 'setData', path, data: valueOf(number, turn), version: -1 } as const;
    });
    await session.multi(operations, AbortSignal.timeout(60_000));
  });
  await session.close();
  return written;
}

async function writeConsul(round: Round, server: ConsulServer, over: AbortSignal): Promise<number> {
  const connection = new HttpConnection(server.address, 4);
  const written = await atRate(round, 1, over, async (numbers, turn) => {
    await connection.transact(
      numbers.map((number) =>
        setOperation(CONSUL_PREFIX + keyOf(number, round.shape), valueOf(number, turn)),
      ),
    );
  });
  connection.close();
  return written;
}

/** Entries of its own for each side, so that none is in conflict. @returns how many changes were acknowledged */
async function atRate(
  { entries, number }: Round,
  rest: 0 | 1,
  over: AbortSignal,
  write: (numbers: readonly number[], turn: number) => Promise<void>,
): Promise<number> {
  const random = new SeededRandom(100 * number + rest);
  const startedMs = performance.now();
  const underWay = new Set<Promise<void>>();
  let turn = 0;
  while (!over.aborted) {
    const numbers = new Set<number>();
    while (numbers.size < CHANGES_TOGETHER) {
      const one = 2 * random.below(Math.floor(entries / 2)) + rest;
      if (!PROBED.some((probed) => one % PROBED_EVERY === probed)) numbers.add(one);
    }
    const writing = write([...numbers], ++turn).finally(() => underWay.delete(writing));
    underWay.add(writing);
    const dueMs = startedMs + (1_000 * turn * CHANGES_TOGETHER) / CHANGES_PER_SECOND;
    await sleep(Math.max(0, dueMs - performance.now()));
    if (underWay.size > 50) await Promise.race(underWay);
  }
  await Promise.all(underWay);
  return turn * CHANGES_TOGETHER;
}
