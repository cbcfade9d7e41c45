import { SeededRandom } from '../../kit/memory-store/seeded-random.js';
import type { DaemonProcess } from '../../kit/daemon/daemon-process.js';
import type { ConsulServer } from '../../kit/servers/consul-server.js';
import type { ZooKeeperServer } from '../../kit/servers/zookeeper-server.js';
import { sleep } from '../clock.js';
import { BareLoop } from '../contenders/bare-loop.js';
import { inSync, privateMb, startDaemon } from '../contenders/daemon.js';
import { Observer } from '../observer.js';
import { usageOf } from '../process-usage.js';
import type { Figure, Round, Scenario } from '../scenario.js';
import { quantile } from '../statistics.js';
import { fillConsul, fillZooKeeper, startBenchConsul, startBenchZooKeeper } from '../stores.js';

/** What is compared with, in size. */
const FEW_ENTRIES = 1_000;
/**
 * How much is done, and how long is waited. Both contenders have gone through some hundred changes before one counts:
 * V8 compiles what runs often, and a program that runs for months is not judged by its first minute.
 */
const WHOLE = { changes: 200, warmingUp: 300, pauseMs: 60, settleMs: 5_000, idleMs: 15_000 };
const BRIEF = { changes: 3, warmingUp: 1, pauseMs: 60, settleMs: 500, idleMs: 500 };

export const changes: Scenario = {
  name: 'changes',
  about: 'lone changes: how long until the other side has them, and what they cost; rest; another start',
  sizes: { entries: 100_000, shape: 'nested' },
  smallest: { entries: 300, shape: 'nested' },
  rounds: 3,
  async measure(round) {
    const few = { ...round, entries: Math.min(FEW_ENTRIES, round.entries) };
    return [
      ...(await daemonAt(round, 'zk-consul-sync')),
      ...(await daemonAt(few, `zk-consul-sync, ${few.entries} entries`)),
      ...(await bareLoopAt(few)),
    ];
  },
};

function extentOf({ isBrief }: Round): typeof WHOLE {
  return isBrief ? BRIEF : WHOLE;
}

async function daemonAt(round: Round, contender: string): Promise<Figure[]> {
  const [zookeeper, consul] = await Promise.all([startBenchZooKeeper(), startBenchConsul()]);
  await fillZooKeeper(zookeeper, round.entries, round.shape);
  const daemon = await startDaemon(zookeeper, consul);
  await inSync(daemon, round.entries);
  await sleep(extentOf(round).settleMs);
  const pids = { daemon: daemon.pid, consul: consul.pid ?? 0 };
  const figures = [
    ...(await propagation(round, contender, zookeeper, consul, pids)),
    ...(await idle(round, contender, daemon)),
    { contender, name: 'private memory, MB', value: await privateMb(daemon.pid) },
    ...(await restart(round, contender, daemon)),
  ];
  await daemon.dispose();
  await Promise.all([zookeeper.dispose(), consul.dispose()]);
  for (const { name, value } of figures) round.tell(`${contender}: ${name} ${value.toFixed(2)}`);
  return figures;
}

async function bareLoopAt(round: Round): Promise<Figure[]> {
  const contender = `bare loop, ${round.entries} entries`;
  const [zookeeper, consul] = await Promise.all([startBenchZooKeeper(), startBenchConsul()]);
  await fillZooKeeper(zookeeper, round.entries, round.shape);
  await fillConsul(consul, round.entries, round.shape);
  const loop = await BareLoop.start(zookeeper, consul);
  await sleep(extentOf(round).settleMs);
  const figures = await propagation(round, contender, zookeeper, consul, undefined);
  await loop.stop();
  await Promise.all([zookeeper.dispose(), consul.dispose()]);
  for (const { name, value } of figures) round.tell(`${contender}: ${name} ${value.toFixed(2)}`);
  return figures;
}

/** Changes one entry after the other, first on one side, then on the other. */
async function propagation(
  round: Round,
  contender: string,
  zookeeper: ZooKeeperServer,
  consul: ConsulServer,
  pids: { readonly daemon: number; readonly consul: number } | undefined,
): Promise<Figure[]> {
  const { changes: count, warmingUp, pauseMs, settleMs } = extentOf(round);
  const observer = await Observer.connect(zookeeper, consul);
  const random = new SeededRandom(round.number);
  const figures: Figure[] = [];
  for (const [name, change] of [
    ['to Consul', (number: number) => observer.changeInZooKeeper(number, round.shape)],
    ['to ZooKeeper', (number: number) => observer.changeInConsul(number, round.shape)],
  ] as const) {
    for (let done = 0; done < warmingUp; done++) await change(random.below(round.entries));
    await sleep(settleMs);
    const before = pids && { daemon: await usageOf(pids.daemon), consul: await usageOf(pids.consul) };
    const tookMs: number[] = [];
    for (let done = 0; done < count; done++) {
      tookMs.push(await change(random.below(round.entries)));
      await sleep(pauseMs);
    }
    figures.push(
      { contender, name: `${name}, p50, ms`, value: quantile(tookMs, 0.5) },
      { contender, name: `${name}, p99, ms`, value: quantile(tookMs, 0.99) },
    );
    if (pids === undefined || before === undefined) continue;
    const after = { daemon: await usageOf(pids.daemon), consul: await usageOf(pids.consul) };
    const spent = [
      ['CPU of the daemon for a change, ms', after.daemon.cpuMs - before.daemon.cpuMs],
      ['CPU of Consul for a change, ms', after.consul.cpuMs - before.consul.cpuMs],
      ['read by the daemon for a change, KB', (after.daemon.readBytes - before.daemon.readBytes) / 1_000],
    ] as const;
    for (const [what, sum] of spent) {
      figures.push({ contender, name: `${name}, ${what}`, value: sum / count });
    }
  }
  await observer.close();
  return figures;
}

async function idle(round: Round, contender: string, daemon: DaemonProcess): Promise<Figure[]> {
  const { settleMs, idleMs } = extentOf(round);
  await sleep(settleMs);
  const requests = (): Promise<number> => daemon.metric('zk_consul_sync_replica_requests_total');
  const asked = await requests();
  const { cpuMs } = await usageOf(daemon.pid);
  await sleep(idleMs);
  const spentMs = (await usageOf(daemon.pid)).cpuMs - cpuMs;
  const newly = (await requests()) - asked;
  return [
    { contender, name: 'idle, % of a core', value: (100 * spentMs) / idleMs },
    { contender, name: 'idle, requests/s', value: (1_000 * newly) / idleMs },
  ];
}

/** From the start of the process, which takes its part of a second, until all is known to be as it was. */
async function restart(round: Round, contender: string, daemon: DaemonProcess): Promise<Figure[]> {
  await daemon.stop();
  const startedMs = performance.now();
  await daemon.start();
  await inSync(daemon, round.entries);
  return [
    { contender, name: 'another start until in sync, s', value: (performance.now() - startedMs) / 1_000 },
  ];
}
