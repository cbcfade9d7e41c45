import { SeededRandom } from '../../kit/memory-store/seeded-random.js';
import { DaemonProcess } from '../../kit/daemon/daemon-process.js';
import type { ConsulServer } from '../../kit/servers/consul-server.js';
import type { ZooKeeperServer } from '../../kit/servers/zookeeper-server.js';
import { RawConsul } from '../../kit/servers/raw-consul.js';
import { waitUntil } from '../../kit/servers/wait-until.js';
import { sleep } from '../clock.js';
import { privateMb } from '../contenders/daemon.js';
import type { Figure, Round, Scenario } from '../scenario.js';
import { timed } from '../scenario.js';
import { quantile } from '../statistics.js';
import { connectZooKeeper, createOperation, grouped, multi } from '../stores.js';
import { startBenchConsul, startBenchZooKeeper } from '../stores.js';

const CONTENDER = 'zk-consul-sync';
const LIST = 'services';
const BASE = '/services';
const NODE = 'host-1';
/** Half of them in either store. */
const INSTANCES_OF_A_SERVICE = 50;
/** An instance takes its service and its check, of the 64 operations of a transaction. */
const INSTANCES_IN_TRANSACTION = 32;
const CREATES_PER_MULTI = 256;
const COPY_TIMEOUT_MS = 600_000;
const WHOLE = { changes: 100, warmingUp: 10, pauseMs: 500 };
const BRIEF = { changes: 3, warmingUp: 1, pauseMs: 50 };

export const services: Scenario = {
  name: 'services',
  about: 'instances of services shown in the other store, and how long one change of health takes then',
  sizes: { entries: 10_000, shape: 'flat' },
  smallest: { entries: 200, shape: 'flat' },
  rounds: 3,
  async measure(round) {
    const [zookeeper, consul] = await Promise.all([startBenchZooKeeper(), startBenchConsul()]);
    const raw = new RawConsul(consul);
    await fill(zookeeper, raw, round.entries);
    const { daemon, tookS } = await copied(zookeeper, consul, round.entries);
    const figures = [
      { contender: CONTENDER, name: 'instances shown in the other store, 1/s', value: round.entries / tookS },
      ...(await healthChanges(round, zookeeper, raw)),
      { contender: CONTENDER, name: 'private memory, MB', value: await privateMb(daemon.pid) },
    ];
    await daemon.dispose();
    await Promise.all([zookeeper.dispose(), consul.dispose()]);
    for (const { name, value } of figures) round.tell(`${CONTENDER}: ${name} ${value.toFixed(2)}`);
    return figures;
  },
};

/** From the start of the process until all is shown. */
async function copied(
  zookeeper: ZooKeeperServer,
  consul: ConsulServer,
  entries: number,
): Promise<{ daemon: DaemonProcess; tookS: number }> {
  let daemon: DaemonProcess | undefined;
  const tookS = await timed(async () => {
    const started = await DaemonProcess.start({
      zookeeper: zookeeper.connect,
      consul: consul.address,
      // A copy goes at once, so that what is measured is the daemon's own time.
      services: [{ name: LIST, zookeeper: BASE, format: 'curator', removeAfter: '0s', minHealthy: 0 }],
      config: { log: { level: 'info' }, zookeeper: { sessionTimeout: '15s' } },
    });
    daemon = started;
    const isDone = async (): Promise<boolean> => {
      const list = await started.mapping(LIST);
      return list.inSync && list.entries === entries;
    };
    await waitUntil(`${entries} instances to be shown`, isDone, { timeoutMs: COPY_TIMEOUT_MS, everyMs: 100 });
  });
  if (daemon === undefined) throw new Error('the daemon was not started');
  return { daemon, tookS };
}

/** A check fails, and its copy in ZooKeeper goes; it passes, and it is there again. */
async function healthChanges(round: Round, zookeeper: ZooKeeperServer, raw: RawConsul): Promise<Figure[]> {
  const { changes, warmingUp, pauseMs } = round.isBrief ? BRIEF : WHOLE;
  const session = await connectZooKeeper(zookeeper);
  const random = new SeededRandom(round.number);
  const tookMs = { critical: [] as number[], passing: [] as number[] };
  for (let done = -warmingUp; done < changes; done++) {
    const service = random.below(serviceCount(round.entries));
    const id = idOf(service, random.below(INSTANCES_OF_A_SERVICE / 2));
    const copy = `${BASE}/${nameOf(service)}/zk-consul-sync:default:${NODE}:${id}`;
    for (const status of ['critical', 'passing'] as const) {
      const startedMs = performance.now();
      await transact(raw, [check(id, status)]);
      const wanted = status === 'passing' ? 'node' : 'no-node';
      while ((await session.exists(copy, AbortSignal.timeout(10_000))).kind !== wanted) await sleep(1);
      if (done >= 0) tookMs[status].push(performance.now() - startedMs);
      await sleep(pauseMs);
    }
  }
  await session.close();
  return (['critical', 'passing'] as const).flatMap((status) =>
    [0.5, 0.99].map((share) => ({
      contender: CONTENDER,
      name: `a check becomes ${status}, p${share * 100}, ms`,
      value: quantile(tookMs[status], share),
    })),
  );
}

function serviceCount(entries: number): number {
  return Math.max(1, Math.floor(entries / INSTANCES_OF_A_SERVICE));
}

async function fill(zookeeper: ZooKeeperServer, raw: RawConsul, entries: number): Promise<void> {
  const session = await connectZooKeeper(zookeeper);
  const half = Array.from({ length: INSTANCES_OF_A_SERVICE / 2 }, (_, at) => at);
  const all = Array.from({ length: serviceCount(entries) }, (_, at) => at);
  const nodes = function* () {
    yield createOperation(BASE, Buffer.alloc(0));
    for (const service of all) {
      const name = nameOf(service);
      yield createOperation(`${BASE}/${name}`, Buffer.alloc(0));
      for (const at of half) yield createOperation(`${BASE}/${name}/${at}`, curatorInstance(name, at));
    }
  };
  for (const group of grouped(nodes(), CREATES_PER_MULTI)) await multi(session, group);
  await session.close();
  await transact(raw, [{ Node: { Verb: 'set', Node: { Node: NODE, Address: '127.0.0.1' } } }]);
  const instances = all.flatMap((service) => half.map((at) => [service, at] as const));
  for (const group of grouped(instances, INSTANCES_IN_TRANSACTION)) {
    await transact(
      raw,
      group.flatMap(([service, at]) => registration(service, at)),
    );
  }
}

function registration(service: number, at: number): unknown[] {
  const id = idOf(service, at);
  const instance = { ID: id, Service: nameOf(service), Address: `10.1.0.${at}`, Port: 80 };
  return [{ Service: { Verb: 'set', Node: NODE, Service: instance } }, check(id, 'passing')];
}

function check(id: string, status: string): unknown {
  const fields = { Node: NODE, CheckID: `check:${id}`, Name: 'check', Status: status, ServiceID: id };
  return { Check: { Verb: 'set', Check: fields } };
}

async function transact(raw: RawConsul, operations: readonly unknown[]): Promise<void> {
  const { status, text } = await raw.request('PUT', '/v1/txn', JSON.stringify(operations));
  if (status !== 200) throw new Error(`a transaction on the catalog: ${status} ${text}`);
}

function nameOf(service: number): string {
  return `service-${service}`;
}

function idOf(service: number, at: number): string {
  return `${nameOf(service)}-${at}`;
}

function curatorInstance(name: string, at: number): Buffer {
  const instance = { name, id: String(at), address: `10.0.0.${at}`, port: 70, sslPort: null, payload: null };
  const more = { registrationTimeUTC: 1_700_000_000_000, serviceType: 'DYNAMIC', uriSpec: null };
  return Buffer.from(JSON.stringify({ ...instance, ...more }));
}
