import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Report } from '../report.js';
import { arrival, inMs } from '../report.js';
import type { Entries, Stage } from '../stage.js';
import { differing, digestOf, entriesOf } from '../stage.js';

const LONE_WRITES = 10;
const LONE_EVERY_MS = 150;
const BURST_WRITES = 200;
const BINARY_BYTES = 128 * 1024;

/** One change on one side, and how its effect is read on the other. */
interface LiveChange {
  readonly claim: string;
  readonly make: () => Promise<unknown>;
  readonly read: () => Promise<string | undefined>;
  readonly wanted: string | undefined;
}

export async function showLiveChanges(stage: Stage, report: Report): Promise<void> {
  report.scene('Live: a change on one side arrives on the other');
  report.note('measured from the moment a store acknowledged the change, until the other store shows it');
  for (const { claim, make, read, wanted } of changesOf(stage)) {
    await make();
    const { value, tookMs } = await arrival(read, wanted);
    report.check(claim, wanted, value, inMs(tookMs));
  }
  for (const direction of directionsOf(stage)) await showLoneWrites(direction, report);
  for (const direction of directionsOf(stage)) await showBurst(direction, report);
  await showBinary(stage, report);
}

function changesOf(stage: Stage): readonly LiveChange[] {
  const { zookeeper, consul } = stage;
  const inConsul = () => stage.inConsul('greeting');
  const inZooKeeper = () => stage.inZooKeeper('greeting');
  return [
    {
      claim: 'created in ZooKeeper: greeting = "hello"',
      make: () => zookeeper.create('/config/greeting', 'hello'),
      read: inConsul,
      wanted: 'hello',
    },
    {
      claim: 'updated in Consul: greeting = "hello again"',
      make: () => consul.put('config/greeting', 'hello again'),
      read: inZooKeeper,
      wanted: 'hello again',
    },
    {
      claim: 'updated in ZooKeeper: greeting = "and again"',
      make: () => zookeeper.set('/config/greeting', 'and again'),
      read: inConsul,
      wanted: 'and again',
    },
    {
      claim: 'deleted in Consul: greeting is gone from ZooKeeper',
      make: () => consul.delete('config/greeting'),
      read: inZooKeeper,
      wanted: undefined,
    },
    {
      claim: 'created in Consul: greeting = "back"',
      make: () => consul.put('config/greeting', 'back'),
      read: inZooKeeper,
      wanted: 'back',
    },
    {
      claim: 'deleted in ZooKeeper: greeting is gone from Consul',
      make: () => zookeeper.remove('/config/greeting'),
      read: inConsul,
      wanted: undefined,
    },
  ];
}

type Store = 'ZooKeeper' | 'Consul';

/** What one client of `from` does, and what one of `to` sees of it. */
interface Direction {
  readonly from: Store;
  readonly to: Store;
  readonly write: (key: string, value: string) => Promise<unknown>;
  readonly read: (key: string) => Promise<string | undefined>;
  readonly readAll: (folder: string) => Promise<Entries>;
}

function directionsOf(stage: Stage): readonly Direction[] {
  return [
    {
      from: 'ZooKeeper',
      to: 'Consul',
      write: (key, value) => stage.zookeeper.create(`/config/${key}`, value),
      read: (key) => stage.inConsul(key),
      readAll: (folder) => stage.consulEntries(folder),
    },
    {
      from: 'Consul',
      to: 'ZooKeeper',
      write: (key, value) => stage.consul.put(`config/${key}`, value),
      read: (key) => stage.inZooKeeper(key),
      readAll: (folder) => stage.zookeeperEntries(folder),
    },
  ];
}

async function showLoneWrites({ from, to, write, read }: Direction, report: Report): Promise<void> {
  const tookMs: number[] = [];
  const arrived: (string | undefined)[] = [];
  for (let number = 0; number < LONE_WRITES; number++) {
    await sleep(LONE_EVERY_MS);
    const key = `lone-from-${from.toLowerCase()}/${String(number)}`;
    await write(key, String(number));
    const seen = await arrival(() => read(key), String(number));
    arrived.push(seen.value);
    tookMs.push(seen.tookMs);
  }
  tookMs.sort((a, b) => a - b);
  const median = tookMs[Math.floor(tookMs.length / 2)] ?? NaN;
  const slowest = tookMs.at(-1) ?? NaN;
  report.check(
    `${String(LONE_WRITES)} lone writes, ${from} to ${to}`,
    Array.from({ length: LONE_WRITES }, (_, number) => String(number)),
    arrived,
    `median ${inMs(median)}, slowest ${inMs(slowest)}`,
  );
}

async function showBurst({ from, to, write, readAll }: Direction, report: Report): Promise<void> {
  const folder = `burst-from-${from.toLowerCase()}`;
  const numbers = Array.from({ length: BURST_WRITES }, (_, number) => String(number));
  for (const number of numbers) await write(`${folder}/${number}`, number);
  const wanted = entriesOf(numbers.map((number) => [`${folder}/${number}`, Buffer.from(number)]));
  const { value, tookMs } = await arrival(() => readAll(folder), wanted);
  const claim = `a burst of ${String(BURST_WRITES)} writes, as fast as one client can, ${from} to ${to}`;
  report.check(claim, [], differing(wanted, value), `all there after ${inMs(tookMs)}`);
}

async function showBinary(stage: Stage, report: Report): Promise<void> {
  const bytes = randomBytes(BINARY_BYTES);
  const digest = digestOf(bytes);
  await stage.zookeeper.create('/config/keystore', bytes);
  const read = async (): Promise<string | undefined> => {
    const entry = await stage.consul.get('config/keystore');
    return entry && digestOf(entry.value);
  };
  const { value, tookMs } = await arrival(read, digest);
  const claim = `${String(BINARY_BYTES / 1024)} KiB of random bytes, SHA-256 ${digest.slice(0, 12)}... on both sides`;
  report.check(claim, digest, value, inMs(tookMs));
}
