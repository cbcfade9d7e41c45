import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kvExport, kvImport, writeExportFile } from '../contenders/consul-kv.js';
import { inSync, privateMb, startDaemon } from '../contenders/daemon.js';
import { floorToConsul, floorToZooKeeper, readOneByOne, readTogether } from '../contenders/floor.js';
import { PLAIN, scriptToConsul, scriptToZooKeeper, TUNED } from '../contenders/scripts.js';
import type { ConsulServer } from '../../kit/servers/consul-server.js';
import type { ZooKeeperServer } from '../../kit/servers/zookeeper-server.js';
import { timed, type Figure, type Round, type Scenario } from '../scenario.js';
import { fillConsul, fillZooKeeper, startBenchConsul, startBenchZooKeeper } from '../stores.js';

/** The scripts' rates don't depend on how long they go on; nobody would want to wait for a hundred thousand. */
const SCRIPT_ENTRIES_MAX = { plain: 2_000, tuned: 10_000 };

export const copyToConsul: Scenario = {
  name: 'copy-to-consul',
  about: 'the first copy from ZooKeeper to Consul, in entries per second',
  sizes: { entries: 100_000, shape: 'nested' },
  smallest: { entries: 500, shape: 'nested' },
  rounds: 3,
  async measure(round) {
    const { entries, shape } = round;
    const zookeeper = await startBenchZooKeeper();
    const folder = await mkdtemp(join(tmpdir(), 'zk-consul-sync-bench-'));
    const file = join(folder, 'export.json');
    await fillZooKeeper(zookeeper, entries, shape);
    await writeExportFile(file, entries, shape);
    const { plain, tuned } = SCRIPT_ENTRIES_MAX;
    const figures: Figure[] = [
      ...(await intoConsul(round, 'floor', (to) => floorToConsul(readTogether, zookeeper, to))),
      ...(await daemonIntoConsul(round, zookeeper)),
      ...(await intoConsul(round, 'floor-getData', (to) => floorToConsul(readOneByOne, zookeeper, to))),
      ...(await intoConsul(round, 'consul kv import', (to) => kvImport(file, to))),
      ...(await intoConsul(
        round,
        'tuned script',
        (to) => scriptToConsul(TUNED, zookeeper, to, tuned),
        tuned,
      )),
      ...(await intoConsul(
        round,
        'plain script',
        (to) => scriptToConsul(PLAIN, zookeeper, to, plain),
        plain,
      )),
    ];
    await rm(folder, { recursive: true });
    await zookeeper.dispose();
    return figures;
  },
};

export const copyToZooKeeper: Scenario = {
  name: 'copy-to-zookeeper',
  about: 'the first copy from Consul to ZooKeeper, in entries per second',
  sizes: { entries: 100_000, shape: 'nested' },
  smallest: { entries: 500, shape: 'nested' },
  rounds: 3,
  async measure(round) {
    const { entries, shape } = round;
    const consul = await startBenchConsul();
    await fillConsul(consul, entries, shape);
    const { plain, tuned } = SCRIPT_ENTRIES_MAX;
    const floor = (to: ZooKeeperServer): Promise<void> => floorToZooKeeper(consul, to, entries, shape);
    const figures: Figure[] = [
      ...(await intoZooKeeper(round, 'floor', floor)),
      ...(await daemonIntoZooKeeper(round, consul)),
      ...rate(round, 'consul kv export', entries, await timed(() => kvExport(consul))),
      ...(await intoZooKeeper(
        round,
        'tuned script',
        (to) => scriptToZooKeeper(TUNED, consul, to, tuned),
        tuned,
      )),
      ...(await intoZooKeeper(
        round,
        'plain script',
        (to) => scriptToZooKeeper(PLAIN, consul, to, plain),
        plain,
      )),
    ];
    await consul.dispose();
    return figures;
  },
};

async function intoConsul(
  round: Round,
  contender: string,
  copy: (to: ConsulServer) => Promise<void>,
  entriesMax = Infinity,
): Promise<Figure[]> {
  const consul = await startBenchConsul();
  const seconds = await timed(() => copy(consul));
  await consul.dispose();
  return rate(round, contender, Math.min(round.entries, entriesMax), seconds);
}

async function intoZooKeeper(
  round: Round,
  contender: string,
  copy: (to: ZooKeeperServer) => Promise<void>,
  entriesMax = Infinity,
): Promise<Figure[]> {
  const zookeeper = await startBenchZooKeeper();
  const seconds = await timed(() => copy(zookeeper));
  await zookeeper.dispose();
  return rate(round, contender, Math.min(round.entries, entriesMax), seconds);
}

async function daemonIntoConsul(round: Round, zookeeper: ZooKeeperServer): Promise<Figure[]> {
  const consul = await startBenchConsul();
  const figures = await daemonCopy(round, zookeeper, consul);
  await consul.dispose();
  return figures;
}

async function daemonIntoZooKeeper(round: Round, consul: ConsulServer): Promise<Figure[]> {
  const zookeeper = await startBenchZooKeeper();
  const figures = await daemonCopy(round, zookeeper, consul);
  await zookeeper.dispose();
  return figures;
}

/** From the start of the process until it says that both sides are equal, less what a start with nothing to do takes. */
async function daemonCopy(round: Round, zookeeper: ZooKeeperServer, consul: ConsulServer): Promise<Figure[]> {
  const startSeconds = await startAlone();
  const startedMs = performance.now();
  const daemon = await startDaemon(zookeeper, consul);
  await inSync(daemon, round.entries);
  const seconds = (performance.now() - startedMs) / 1_000 - startSeconds;
  const memory = await privateMb(daemon.pid);
  await daemon.dispose();
  const contender = 'zk-consul-sync';
  return [
    ...rate(round, contender, round.entries, seconds),
    { contender, name: 'private memory after it, MB', value: memory },
    { contender, name: 'start of the process, s', value: startSeconds },
  ];
}

async function startAlone(): Promise<number> {
  const [zookeeper, consul] = await Promise.all([startBenchZooKeeper(), startBenchConsul()]);
  const startedMs = performance.now();
  const daemon = await startDaemon(zookeeper, consul);
  await inSync(daemon, 0);
  const seconds = (performance.now() - startedMs) / 1_000;
  await daemon.dispose();
  await Promise.all([zookeeper.dispose(), consul.dispose()]);
  return seconds;
}

function rate(round: Round, contender: string, entries: number, seconds: number): Figure[] {
  round.tell(`${contender}: ${entries} entries in ${seconds.toFixed(2)} s`);
  return [{ contender, name: 'entries/s', value: entries / seconds }];
}
