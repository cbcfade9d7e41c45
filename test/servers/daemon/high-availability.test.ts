import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeLedger } from '../../../src/core/ledger.js';
import type { DaemonProcess } from '../../kit/daemon/daemon-process.js';
import { Staging } from '../../kit/daemon/staging.js';
import { downgrade } from '../../kit/older-archive.js';
import { waitUntil } from '../../kit/servers/wait-until.js';

const NAMES = ['one', 'two', 'three', 'four'] as const;
const SESSION_TIMEOUT_MS = 4_000;
const DAEMON = {
  mappings: NAMES.map((name) => ({ name, zookeeper: `/${name}`, consul: name })),
  config: { highAvailability: { enabled: true }, zookeeper: { sessionTimeout: `${SESSION_TIMEOUT_MS}ms` } },
};
const TAKEOVER = { timeoutMs: 60_000 };

let staging: Staging;
let daemons: DaemonProcess[];
let clients: Clients;

beforeAll(async () => {
  // The ticks of the server are the grain in which it ends sessions.
  staging = await Staging.start({ zookeeper: { tickTimeMs: 500 } });
  for (const name of NAMES) await staging.zookeeper.create(`/${name}`, '');
  daemons = await Promise.all([0, 1, 2].map(() => staging.startDaemon(DAEMON)));
  clients = new Clients(staging);
}, 60_000);

afterAll(async () => {
  await clients.stop();
  await staging.dispose();
});

/** The tests build on each other: one fleet, to which one thing after the other happens. */
describe('three daemons of one instance with four mappings', () => {
  it('share the mappings, say who leads which, and refuse on a standby what only the active can do', async () => {
    await spread(3);
    await everybodyReady();
    const standby = daemons[1];
    if (standby === undefined) throw new Error('there is no second daemon');
    // Who follows learns from the queue that the lead has moved, which it may have done a moment ago.
    const first = await waitUntil(
      'a standby to name the daemon that leads',
      async () => {
        const [name = 'none'] = await ledBy(daemons[0]);
        const { role, leader } = await standby.mapping(name);
        expect({ role, admin: leader?.admin }).toEqual({ role: 'standby', admin: daemons[0]?.adminUrl });
        return name;
      },
      TAKEOVER,
    );
    expect(await daemons[0]?.metric('zk_consul_sync_leader', { mapping: first })).toBe(1);
    expect(await standby.metric('zk_consul_sync_leader', { mapping: first })).toBe(0);
    await expect(standby.post('approve', {}, first)).rejects.toThrow(
      `409 {"error":"this daemon is a standby of mapping ${first}: ask the one that leads it`,
    );
  }, 90_000);

  it('take over from one that was killed under writes, and lose and resurrect nothing (S1, S7)', async () => {
    clients.start();
    const victim = await mostLoaded();
    const led = await ledBy(victim);
    const killedAtMs = Date.now();
    await victim.kill();
    const took = await Promise.all(led.map((name) => takenOver(name, victim)));
    console.log(`taken over ${took.map((ms) => ms - killedAtMs).join(', ')} ms after kill -9`);
    await victim.start();
    await everybodyReady();
  }, 120_000);

  it('hand over at once at SIGTERM, which ends with 0', async () => {
    const victim = await mostLoaded();
    const led = await ledBy(victim);
    const stoppedAtMs = Date.now();
    const exit = victim.stop();
    const took = await Promise.all(led.map((name) => takenOver(name, victim)));
    expect(await exit).toBe(0);
    console.log(`taken over ${took.map((ms) => ms - stoppedAtMs).join(', ')} ms after SIGTERM`);
    await victim.start();
    await everybodyReady();
  }, 120_000);

  it('go on without one that stood still past its session, which writes nothing when it wakes', async () => {
    const victim = await mostLoaded();
    const led = await ledBy(victim);
    victim.signal('SIGSTOP');
    await Promise.all(led.map((name) => takenOver(name, victim)));
    victim.signal('SIGCONT');
    await everybodyReady();
  }, 120_000);

  it('stay paused when another takes over, until the mapping is resumed there', async () => {
    const victim = await mostLoaded();
    const [name = ''] = await ledBy(victim);
    await askLeader('pause', name);
    await victim.kill();
    const successor = await leaderOf(name, victim);
    expect((await successor.mapping(name)).state).toBe('paused');
    await askLeader('resume', name, victim);
    await victim.start();
    await everybodyReady();
  }, 120_000);

  it('are replaced one by one by a version with another archive format, under writes', async () => {
    for (const daemon of daemons) {
      expect(await daemon.stop()).toBe(0);
      await downgrade(daemon.archivePath, 1);
      await daemon.start();
      await everybodyReady();
    }
  }, 120_000);

  it('have been converging all the time, with one writer at a time in each store', async () => {
    await clients.stop();
    for (const name of NAMES) {
      await waitUntil(
        `mapping ${name} to be in sync everywhere`,
        async () => {
          const all = await Promise.all(daemons.map((daemon) => daemon.mapping(name)));
          if (!all.every(({ inSync }) => inSync)) throw new Error(JSON.stringify(all));
          return true;
        },
        TAKEOVER,
      );
    }
    await clients.check();
    expect(clients.writersOutOfTurn).toEqual([]);
  }, 120_000);
});

async function ledBy(daemon: DaemonProcess | undefined): Promise<string[]> {
  const status = await daemon?.status();
  return (status?.mappings ?? []).filter(({ role }) => role === 'active').map(({ name }) => name);
}

/** Why a daemon is not ready, as it says. */
async function problemsOf(daemon: DaemonProcess): Promise<unknown> {
  const { mappings } = await daemon.status();
  return mappings.map(({ name, role, state, problem, pending }) => ({ name, role, state, problem, pending }));
}

async function mostLoaded(): Promise<DaemonProcess> {
  const led = await Promise.all(daemons.map(async (daemon) => ({ daemon, names: await ledBy(daemon) })));
  const [most] = led.sort((a, b) => b.names.length - a.names.length);
  if (most === undefined || most.names.length === 0) throw new Error('nobody leads anything');
  return most.daemon;
}

async function leaderOf(name: string, except: DaemonProcess): Promise<DaemonProcess> {
  return waitUntil(
    `another daemon to lead ${name}`,
    async () => {
      for (const daemon of daemons) {
        if (daemon !== except && (await ledBy(daemon)).includes(name)) return daemon;
      }
      return undefined;
    },
    TAKEOVER,
  );
}

/** A balanced lead may move between two questions. */
async function askLeader(action: string, name: string, except?: DaemonProcess): Promise<void> {
  const running = daemons.filter((daemon) => daemon !== except);
  await waitUntil(
    `the leader of ${name} to ${action} it`,
    async () => {
      const led = await Promise.all(running.map(async (daemon) => ({ daemon, names: await ledBy(daemon) })));
      const leader = led.find(({ names }) => names.includes(name))?.daemon;
      return leader !== undefined && leader.post(action, {}, name).then(() => true);
    },
    TAKEOVER,
  );
}

/** When another daemon carried its first write over. */
async function takenOver(name: string, former: DaemonProcess): Promise<number> {
  await leaderOf(name, former);
  const key = `probe-${Date.now()}`;
  await staging.zookeeper.create(`/${name}/${key}`, 'probe');
  await staging.consulHolds(`${name}/${key}`, 'probe', TAKEOVER.timeoutMs);
  return Date.now();
}

async function spread(members: number): Promise<void> {
  await waitUntil(
    'the mappings to be spread',
    async () => {
      const led = await Promise.all(daemons.map(ledBy));
      return led.flat().length === NAMES.length && led.filter((names) => names.length > 0).length === members;
    },
    TAKEOVER,
  );
}

async function everybodyReady(): Promise<void> {
  await waitUntil(
    'every daemon to be ready',
    async () => {
      const led = await Promise.all(daemons.map(ledBy));
      const ready = await Promise.all(daemons.map((daemon) => daemon.ready()));
      if (ready.every(Boolean) && led.flat().length === NAMES.length) return true;
      const problems = await Promise.all(daemons.map(problemsOf));
      throw new Error(JSON.stringify({ led, problems }));
    },
    TAKEOVER,
  );
}

/** Clients of both stores that write to all mappings, and somebody who watches the ledgers. */
class Clients {
  readonly writersOutOfTurn: string[] = [];
  private readonly stopping = new AbortController();
  private readonly expected = new Map<string, string | undefined>();
  private readonly working: Promise<void>[] = [];

  constructor(private readonly stores: Staging) {}

  start(): void {
    for (const name of NAMES) this.working.push(this.write(name), this.watchLedger(name));
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await Promise.all(this.working);
  }

  /** Every key has what its only client did to it last, on both sides. */
  async check(): Promise<void> {
    for (const [place, value] of this.expected) {
      await this.stores.zookeeperHolds(`/${place}`, value);
      await this.stores.consulHolds(place, value);
    }
  }

  /** Each key belongs to one client of one store: created, changed and deleted, again and again. */
  private async write(name: string): Promise<void> {
    for (let step = 0; !this.stopping.signal.aborted; step++) {
      const key = step % 20;
      const value = `${name} ${step}`;
      const [left, right] = [`${name}/z${key}`, `${name}/c${key}`];
      if (step % 3 === 2) {
        await this.stores.zookeeper.remove(`/${left}`).catch(() => undefined);
        await this.stores.consul.delete(right);
        this.expected.set(left, undefined).set(right, undefined);
      } else {
        const isThere = (await this.stores.zookeeper.get(`/${left}`)) !== undefined;
        await (isThere
          ? this.stores.zookeeper.set(`/${left}`, value)
          : this.stores.zookeeper.create(`/${left}`, value));
        await this.stores.consul.put(right, value);
        this.expected.set(left, value).set(right, value);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** A writer that was followed by another one writes again only as that one's successor: with a higher generation. */
  private async watchLedger(name: string): Promise<void> {
    const place = `zk-consul-sync/default/${name}`;
    let before: { generation: number; writer: string } | undefined;
    while (!this.stopping.signal.aborted) {
      const found = await this.stores.consul.get(place);
      const ledger = found && decodeLedger(Buffer.from(found.value ?? []).toString());
      if (ledger !== undefined) {
        const isBack = before !== undefined && ledger.generation < before.generation;
        const isDoubled = ledger.generation === before?.generation && ledger.writer !== before.writer;
        if (isBack || isDoubled)
          this.writersOutOfTurn.push(`${name}: ${JSON.stringify([before, ledger.writer])}`);
        before = ledger;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
