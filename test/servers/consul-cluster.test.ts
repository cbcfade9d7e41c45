import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startConsulCluster, type ConsulCluster } from '../kit/servers/consul-cluster.js';
import type { ConsulServer } from '../kit/servers/consul-server.js';
import { RawConsul } from '../kit/servers/raw-consul.js';
import { waitUntil } from '../kit/servers/wait-until.js';

const ELECTION_TIMEOUT_MS = 30_000;

describe('a Consul cluster of the kit', () => {
  let cluster: ConsulCluster;

  beforeAll(async () => {
    cluster = await startConsulCluster();
  });
  afterAll(() => cluster.dispose());

  function leader(): Promise<ConsulServer> {
    return waitUntil('a leader', () => cluster.leader(), { timeoutMs: ELECTION_TIMEOUT_MS });
  }

  /** Through the agent, until it goes through. */
  async function put(key: string, value: string): Promise<void> {
    await waitUntil(`${key} to be written`, () => new RawConsul(cluster.agent).put(key, value), {
      timeoutMs: ELECTION_TIMEOUT_MS,
    });
  }

  async function expectEverywhere(key: string, value: string): Promise<void> {
    for (const server of [...cluster.servers, cluster.agent]) {
      expect((await new RawConsul(server).get(key))?.value.toString()).toBe(value);
    }
  }

  it('is one store, whichever member is asked', async () => {
    await put('config/a', 'one');
    await expectEverywhere('config/a', 'one');
  });

  it('elects another leader when the one it has is killed, and takes it back with all data', async () => {
    const first = await leader();
    await first.kill();
    await waitUntil('another leader', async () => ![undefined, first].includes(await cluster.leader()), {
      timeoutMs: ELECTION_TIMEOUT_MS,
    });
    await put('config/b', 'without the first leader');
    await first.start();
    await expectEverywhere('config/b', 'without the first leader');
  });

  it('elects another leader when the one it has is paused', async () => {
    const first = await leader();
    await first.pause();
    await waitUntil('another leader', async () => ![undefined, first].includes(await cluster.leader()), {
      timeoutMs: ELECTION_TIMEOUT_MS,
    });
    await put('config/c', 'past the paused one');
    first.resume();
    await waitUntil('it to follow', async () => (await new RawConsul(first).get('config/c')) !== undefined, {
      timeoutMs: ELECTION_TIMEOUT_MS,
    });
  });

  it('refuses writes without a quorum, and goes on when one is back', async () => {
    const [first, second, third] = cluster.servers;
    await Promise.all([first!.kill(), second!.kill()]);
    await expect(new RawConsul(third!).put('config/d', 'without a quorum')).rejects.toThrow();
    await first!.launch();
    await put('config/d', 'with a quorum');
    await second!.start();
    await expectEverywhere('config/d', 'with a quorum');
  });
});
