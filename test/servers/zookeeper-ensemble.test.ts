import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { RawZooKeeper } from '../kit/servers/raw-zookeeper.js';
import { waitUntil } from '../kit/servers/wait-until.js';
import { startZooKeeperEnsemble, type ZooKeeperServer } from '../kit/servers/zookeeper-server.js';

const ELECTION_TIMEOUT_MS = 30_000;

describe('a ZooKeeper ensemble of the kit', () => {
  let members: ZooKeeperServer[];
  const clients: RawZooKeeper[] = [];

  beforeAll(async () => {
    // A leader that is paused is given up after four ticks.
    members = await startZooKeeperEnsemble(3, { extraConfig: { syncLimit: '4' } });
  });
  afterEach(() => {
    for (const client of clients.splice(0)) client.abandon();
  });
  afterAll(() => Promise.all(members.map((member) => member.dispose())));

  async function roles(): Promise<(string | undefined)[]> {
    return Promise.all(members.map((member) => member.role()));
  }

  function leader(): Promise<ZooKeeperServer> {
    const find = async (): Promise<ZooKeeperServer | undefined> => members[(await roles()).indexOf('leader')];
    return waitUntil('a leader', find, { timeoutMs: ELECTION_TIMEOUT_MS });
  }

  function otherLeader(than: ZooKeeperServer): Promise<ZooKeeperServer> {
    const find = async (): Promise<ZooKeeperServer | false> => {
      const now = await leader();
      return now !== than && now;
    };
    return waitUntil('another leader', find, { timeoutMs: ELECTION_TIMEOUT_MS });
  }

  async function connect(...servers: ZooKeeperServer[]): Promise<RawZooKeeper> {
    const client = await RawZooKeeper.connect({
      connect: servers.map((server) => server.connect).join(','),
    });
    clients.push(client);
    return client;
  }

  async function expectEverywhere(path: string): Promise<void> {
    for (const member of members) {
      await waitUntil(`${path} at ${member.connect}`, async () => (await connect(member)).get(path), {
        timeoutMs: ELECTION_TIMEOUT_MS,
      });
    }
  }

  it('has one leader, and is one store', async () => {
    expect((await roles()).sort()).toEqual(['follower', 'follower', 'leader']);
    await (await connect(...members)).create('/a');
    await expectEverywhere('/a');
  });

  it('elects another leader when the one it has is killed, and takes it back with all data', async () => {
    const first = await leader();
    await first.kill();
    expect(await first.role()).toBeUndefined();
    await otherLeader(first);
    await (await connect(...members)).create('/b');
    await first.start();
    await expectEverywhere('/b');
  });

  it('elects another leader when the one it has is paused', async () => {
    const first = await leader();
    await first.pause();
    const second = await otherLeader(first);
    await (await connect(second)).create('/c');
    first.resume();
    await expectEverywhere('/c');
  });

  it('serves nobody without a quorum, and goes on when one is back', async () => {
    const [first, second, third] = members;
    await Promise.all([first!.kill(), second!.kill()]);
    await waitUntil('the last one to serve nobody', async () => (await third!.role()) === undefined);
    await first!.launch();
    await waitUntil('a quorum', async () => (await third!.role()) !== undefined, {
      timeoutMs: ELECTION_TIMEOUT_MS,
    });
    await second!.start();
    await (await connect(...members)).create('/d');
    await expectEverywhere('/d');
  });
});
