import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { DaemonProcess } from '../../kit/daemon/daemon-process.js';
import type { ZooKeeperFlavour } from '../../kit/servers/found-servers.js';
import { RawZooKeeper } from '../../kit/servers/raw-zookeeper.js';
import { waitUntil } from '../../kit/servers/wait-until.js';
import { command } from '../cli/command.js';
import { Bridge, curatorInstance, LIST, listOf } from './bridged.js';

const TIMEOUT_MS = 120_000;
/** What servers grant at most: twice the session of a daemon. */
const LEASE_MS = 8_000;
/** When the session of a daemon has ended for certain, and what lasts longer has not. */
const AFTER_SESSION_MS = 5_500;
const INSTANCES = 3;
const COPIES = Array.from({ length: INSTANCES }, (_, at) => `zk-consul-sync:default:host-1:web-${at}`);
const EPHEMERAL = { ephemeral: true };
const WARNING = 'ephemeral copies last 8 s without a daemon, too short for another one to take over';

describe.each(['3.4', '3.8'] as const)(
  'ephemeral copies in ZooKeeper %s',
  { timeout: TIMEOUT_MS },
  (flavour) => {
    it('S7: nothing moves when the daemon is started again, after SIGTERM or kill -9', async () => {
      const bridge = await populated(flavour);
      const before = await copies(bridge);
      expect(new Set(before.map(({ owner }) => owner)).size).toBe(1);
      expect(before[0]?.owner).not.toBe(0n);
      const consumer = new Consumer(await observer(bridge));
      await bridge.daemon.stop();
      await bridge.daemon.start();
      await bridge.daemon.inSync(LIST);
      await bridge.daemon.kill();
      await bridge.daemon.start();
      await bridge.daemon.inSync(LIST);
      await sleep(LEASE_MS + 1_000);
      expect(await consumer.missed()).toEqual([]);
      expect(await copies(bridge)).toEqual(before);
    });

    it('vanish some time after the daemon is gone for good, and originals stay', async () => {
      const bridge = await populated(flavour);
      await bridge.daemon.stop();
      await sleep(AFTER_SESSION_MS);
      expect((await bridge.nodesBelow('/services/web')).size).toBe(INSTANCES + 1);
      await bridge.zookeeperShows('/services/web', 1, LEASE_MS);
      expect([...(await bridge.nodesBelow('/services/web')).keys()]).toEqual(['own']);
      expect((await bridge.user.instances('web')).length).toBe(INSTANCES + 1);
    });

    it('S4: are made again when the session has ended while the daemon stood still, and nothing else is touched', async () => {
      const bridge = await populated(flavour);
      bridge.daemon.signal('SIGSTOP');
      await bridge.zookeeperShows('/services/web', 1, 3 * LEASE_MS);
      bridge.daemon.signal('SIGCONT');
      await bridge.zookeeperShows('/services/web', INSTANCES + 1, 10_000);
      const { conflicts, holds, skippedTotal } = await bridge.daemon.inSync(LIST);
      expect({ conflicts: conflicts.total, holds, skippedTotal }).toEqual({
        conflicts: 0,
        holds: [],
        skippedTotal: 0,
      });
      expect((await bridge.user.instances('web')).length).toBe(INSTANCES + 1);
    });

    it('replace persistent ones, and are replaced by them, without one ever being missed', async () => {
      const bridge = await populated(flavour, {});
      const consumer = new Consumer(await observer(bridge));
      expect(await owners(bridge)).toEqual(new Set([0n]));
      await bridge.daemon.stop();
      await bridge.daemon.start({ services: [listOf(EPHEMERAL)] });
      await waitUntil('ephemeral copies', async () => !(await owners(bridge)).has(0n));
      await bridge.daemon.inSync(LIST);
      await bridge.daemon.stop();
      await bridge.daemon.start({ services: [listOf()] });
      await waitUntil('persistent copies', async () => isEqual(await owners(bridge), [0n]));
      await bridge.daemon.inSync(LIST);
      expect(await owners(bridge)).toEqual(new Set([0n]));
      expect(await consumer.missed()).toEqual([]);
      expect((await bridge.daemon.mapping(LIST)).conflicts.total).toBe(0);
    });
  },
);

describe('ephemeral copies', { timeout: TIMEOUT_MS }, () => {
  it('S7: nothing moves when another daemon takes over after kill -9 of the one that leads', async () => {
    const highAvailability = { enabled: true };
    const bridge = await populated('3.8', EPHEMERAL, { highAvailability });
    const services = [listOf(EPHEMERAL)];
    const second = await bridge.staging.startDaemon({ services, config: { highAvailability } });
    await waitUntil('it to follow', async () => (await second.mapping(LIST)).role === 'standby');
    await second.inSync(LIST);
    const before = await copies(bridge);
    const consumer = new Consumer(await observer(bridge));
    await bridge.daemon.kill();
    await leads(second);
    await second.inSync(LIST);
    await sleep(LEASE_MS + 1_000);
    expect(await copies(bridge)).toEqual(before);
    await bridge.registerInConsul({ id: 'web-9', port: 89 });
    await bridge.zookeeperShows('/services/web', INSTANCES + 2);
    expect(await consumer.missed()).toEqual([]);
  });

  it('S7: nothing moves when the daemon that led wakes up after another one took over', async () => {
    const highAvailability = { enabled: true };
    const bridge = await populated('3.8', EPHEMERAL, { highAvailability });
    const services = [listOf(EPHEMERAL)];
    const second = await bridge.staging.startDaemon({ services, config: { highAvailability } });
    await waitUntil('it to follow', async () => (await second.mapping(LIST)).role === 'standby');
    await second.inSync(LIST);
    const before = await copies(bridge);
    const consumer = new Consumer(await observer(bridge));
    bridge.daemon.signal('SIGSTOP');
    await leads(second);
    bridge.daemon.signal('SIGCONT');
    await waitUntil('it to follow', async () => (await bridge.daemon.mapping(LIST)).role === 'standby');
    await second.inSync(LIST);
    await sleep(LEASE_MS + 1_000);
    expect(await consumer.missed()).toEqual([]);
    expect(await copies(bridge)).toEqual(before);
  });

  it('stay while their list is paused, also when the daemon is started again', async () => {
    const bridge = await populated('3.8');
    const before = await copies(bridge);
    await bridge.daemon.post('pause', {}, LIST);
    await bridge.daemon.kill();
    await bridge.daemon.start();
    await sleep(LEASE_MS + 2_000);
    expect((await bridge.daemon.mapping(LIST)).state).toBe('paused');
    expect(await copies(bridge)).toEqual(before);
  });

  it('stay when ZooKeeper is lost for longer than their session lasts, and is back', async () => {
    const bridge = await populated('3.8');
    const before = await copies(bridge);
    const { zookeeperServer } = bridge.staging;
    await zookeeperServer.kill();
    await sleep(LEASE_MS + 2_000);
    await zookeeperServer.start();
    await bridge.staging.reconnectZooKeeper();
    await sleep(LEASE_MS + 2_000);
    await bridge.daemon.inSync(LIST);
    expect(await copies(bridge)).toEqual(before);
  });

  it('that are to stay by now stay while their list is paused, and are replaced when it is not', async () => {
    const bridge = await populated('3.8');
    const consumer = new Consumer(await observer(bridge));
    const before = await copies(bridge);
    await bridge.daemon.post('pause', {}, LIST);
    await bridge.daemon.stop();
    await bridge.daemon.start({ services: [listOf({ verifyEvery: '1s' })] });
    await sleep(LEASE_MS + 2_000);
    expect(await copies(bridge)).toEqual(before);
    await bridge.daemon.post('resume', {}, LIST);
    await waitUntil('persistent copies', async () => isEqual(await owners(bridge), [0n]));
    const note = '/zk-consul-sync/default/.leases/apps';
    await waitUntil(
      'nothing to be kept any more',
      async () => (await bridge.staging.zookeeper.get(note)) === undefined,
    );
    await bridge.daemon.inSync(LIST);
    expect(await consumer.missed()).toEqual([]);
    expect(await owners(bridge)).toEqual(new Set([0n]));
  });

  it('are told of by check and in the log, with a warning where they would not outlast a takeover', async () => {
    const bridge = await populated('3.8');
    expect(await bridge.daemon.log()).toContain(`"lastsMs":${LEASE_MS}`);
    expect(await bridge.daemon.log()).not.toContain(WARNING);
    const check = async () => (await command('check', '--config', bridge.daemon.configFile)).stdout;
    expect(await check()).toMatch(/^ok +zookeeper +ephemeral copies last 8 s without a daemon$/m);
    await bridge.daemon.stop();
    await bridge.daemon.start({ config: { zookeeper: { sessionTimeout: '6s' } } });
    await bridge.daemon.inSync(LIST);
    expect(await bridge.daemon.log()).toContain(WARNING);
    expect(await check()).toContain(WARNING);
  });

  it('that a client deletes are put back, and the journal tells of it', async () => {
    const bridge = await populated('3.8');
    await bridge.staging.zookeeper.remove(`/services/web/${COPIES[0] ?? ''}`);
    await bridge.zookeeperShows('/services/web', INSTANCES + 1);
    await bridge.daemon.inSync(LIST);
    expect((await bridge.daemon.mapping(LIST)).conflicts.total).toBe(1);
  });
});

async function populated(
  flavour: ZooKeeperFlavour,
  services: Record<string, unknown> = EPHEMERAL,
  config: Record<string, Record<string, unknown>> = {},
): Promise<Bridge> {
  const zookeeper = { flavour, extraConfig: { maxSessionTimeout: String(LEASE_MS) } };
  const bridge = await Bridge.start(services, { zookeeper }, config);
  await bridge.staging.zookeeper.create('/services/web/own', curatorInstance('web', 'own', '10.0.0.7', 70));
  for (let at = 0; at < INSTANCES; at++) await bridge.registerInConsul({ id: `web-${at}`, port: 80 + at });
  await bridge.zookeeperShows('/services/web', INSTANCES + 1);
  await bridge.consulShows('web', ['10.0.0.1:80', '10.0.0.1:81', '10.0.0.1:82', '10.0.0.7:70']);
  await bridge.daemon.inSync(LIST);
  return bridge;
}

async function leads(daemon: DaemonProcess): Promise<void> {
  await waitUntil('the other one to lead', async () => (await daemon.mapping(LIST)).role === 'active', {
    timeoutMs: 30_000,
  });
}

/** Each copy: who owns it, and its latest write. */
async function copies(bridge: Bridge) {
  const found = COPIES.map(async (name) => {
    const node = await bridge.staging.zookeeper.get(`/services/web/${name}`);
    return { name, owner: node?.stat.ephemeralOwner, created: node?.stat.czxid, written: node?.stat.mzxid };
  });
  return Promise.all(found);
}

async function owners(bridge: Bridge): Promise<Set<bigint | undefined>> {
  return new Set((await copies(bridge)).map(({ owner }) => owner));
}

async function observer(bridge: Bridge): Promise<RawZooKeeper> {
  const client = await RawZooKeeper.connect(bridge.staging.zookeeperServer);
  onTestFinished(() => client.close());
  return client;
}

function isEqual(found: ReadonlySet<unknown>, wanted: readonly unknown[]): boolean {
  return found.size === wanted.length && wanted.every((one) => found.has(one));
}

/** A program that looks all the time, and writes down whatever it missed. */
class Consumer {
  private readonly missing = new Set<string>();
  private readonly ending = new AbortController();
  private readonly running: Promise<void>;
  private looks = 0;

  constructor(private readonly client: RawZooKeeper) {
    this.running = this.run();
  }

  async missed(): Promise<readonly string[]> {
    this.ending.abort();
    await this.running;
    expect(this.looks).toBeGreaterThan(100);
    return [...this.missing];
  }

  private async run(): Promise<void> {
    while (!this.ending.signal.aborted) {
      const [names, ...nodes] = await Promise.all([
        this.client.children('/services/web'),
        ...COPIES.map((name) => this.client.get(`/services/web/${name}`)),
      ]);
      for (const [at, name] of COPIES.entries()) {
        if (!names.includes(name)) this.missing.add(`${name} in a list`);
        if (nodes[at] === undefined) this.missing.add(name);
      }
      this.looks++;
      await sleep(1);
    }
  }
}
