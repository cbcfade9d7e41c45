import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Staging } from '../../kit/daemon/staging.js';
import { command } from './command.js';

let staging: Staging;

beforeAll(async () => {
  staging = await Staging.start();
});
afterAll(() => staging.dispose());

/** A daemon of this instance that has synced one entry. */
async function deployed(instance: string, config: Record<string, Record<string, unknown>> = {}) {
  await staging.zookeeper.create(`/${instance}`, '');
  await staging.zookeeper.create(`/${instance}/k`, 'value');
  const daemon = await staging.startDaemon({
    mappings: [{ zookeeper: `/${instance}`, consul: instance }],
    config: { instance, ...config },
  });
  await daemon.inSync();
  const retire = (...args: string[]) => command('retire', ...args, '--config', daemon.configFile);
  return { daemon, retire };
}

const below = async (instance: string) => ({
  zookeeper: await staging.zookeeper.listTree(`/zk-consul-sync/${instance}`),
  consul: (await staging.consul.list(`zk-consul-sync/${instance}/`)).map(({ key }) => key),
});

describe('retire', () => {
  it('S8: removes what a deployment kept for itself, and nothing else; again, it finds nothing', async () => {
    const other = await deployed('r1-other');
    await other.daemon.stop();
    const { daemon, retire } = await deployed('r1');
    await daemon.stop();
    const before = await below('r1-other');
    const { code, stdout, stderr } = await retire('r1', '--yes');
    expect(stdout).toMatch(
      /^ {2}consul +ledger +zk-consul-sync\/r1\/config {2}\(zookeeper:\/r1\/ and consul:\/r1\/\)$/m,
    );
    expect(stdout).toContain('Deleted 3 records of instance r1.');
    expect({ code, stderr }).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('Watching') as string,
    });
    expect(await below('r1')).toEqual({ zookeeper: [], consul: [] });
    expect(await below('r1-other')).toEqual(before);
    expect((await staging.zookeeper.get('/r1/k'))?.data?.toString()).toBe('value');
    expect((await staging.consul.get('r1/k'))?.value.toString()).toBe('value');

    const again = await retire('r1', '--yes', '--json');
    expect(JSON.parse(again.stdout)).toEqual({ instance: 'r1', deleted: [], left: [] });
    expect(again.code).toBe(0);
  });

  it('retires another instance than that of the configuration', async () => {
    const { daemon } = await deployed('r2-old');
    await daemon.stop();
    const running = await deployed('r2-new');
    const { code } = await running.retire('r2-old', '--yes');
    expect(code).toBe(0);
    expect(await below('r2-old')).toEqual({ zookeeper: [], consul: [] });
    expect((await running.daemon.inSync()).state).toBe('live');
  });

  it('refuses while a daemon answers at the admin address, or has the archive, and deletes nothing', async () => {
    const { daemon, retire } = await deployed('r3');
    const before = await below('r3');
    const answering = await retire('r3', '--yes');
    expect(answering.stderr).toContain(`a daemon of instance r3 is alive: one answers at ${daemon.adminUrl}`);
    expect(answering.code).toBe(1);
    const silent = join(daemon.directory, 'silent.yaml');
    const text = await readFile(daemon.configFile, 'utf8');
    await writeFile(silent, text.replace(/listen: .*/, 'listen: off'), { mode: 0o600 });
    const locked = await command('retire', 'r3', '--yes', '--config', silent);
    expect(locked.stderr).toContain(`process ${daemon.pid}`);
    expect(locked.code).toBe(1);
    expect(await below('r3')).toEqual(before);
  });

  it('refuses while a daemon elsewhere stands in a queue, or keeps writing its ledger', async () => {
    const queued = await deployed('r4', { highAvailability: { enabled: true } });
    const elsewhere = await deployed('r4-elsewhere');
    await elsewhere.daemon.stop();
    const refused = await elsewhere.retire('r4', '--yes');
    expect(refused.stderr).toMatch(
      /a daemon of instance r4 is alive: a daemon on \S+, at http:.* \(\/zk-consul-sync\/r4\/\.candidates\/config\//,
    );
    expect(refused.code).toBe(1);
    expect((await queued.daemon.inSync()).state).toBe('live');
    await queued.daemon.stop();

    const writing = await deployed('r5');
    const before = await below('r5');
    const over = new AbortController();
    const client = (async () => {
      for (let i = 0; !over.signal.aborted; i++) {
        await staging.zookeeper.set('/r5/k', `value ${i}`);
        await staging.consulHolds('r5/k', `value ${i}`, 30_000);
      }
    })();
    const moved = await elsewhere.retire('r5', '--yes');
    over.abort();
    await client;
    expect(moved.stderr).toMatch(
      /instance r5 is alive: zk-consul-sync\/r5\/config in \w+ was written just now/,
    );
    expect(moved.code).toBe(1);
    expect(await below('r5')).toEqual(before);
    await writing.daemon.stop();
    expect((await elsewhere.retire('r4', '--yes')).code).toBe(0);
    expect(await below('r4')).toEqual({ zookeeper: [], consul: [] });
  });

  it('S8: leaves what others put there, and says so', async () => {
    const { daemon, retire } = await deployed('r6');
    await daemon.stop();
    await staging.zookeeper.create('/zk-consul-sync/r6/note', 'by a person');
    await staging.consul.put('zk-consul-sync/r6/deep/key', 'by a person');
    const { code, stdout } = await retire('r6', '--yes');
    expect(stdout).toContain('Left /zk-consul-sync/r6/note in ZooKeeper: this program did not make it');
    expect(stdout).toContain('Left zk-consul-sync/r6/deep/key in Consul: this program did not make it');
    expect(stdout).toContain('Left /zk-consul-sync/r6 in ZooKeeper: something lies below it.');
    expect(code).toBe(1);
    expect(await below('r6')).toEqual({
      zookeeper: ['/zk-consul-sync/r6', '/zk-consul-sync/r6/note'],
      consul: ['zk-consul-sync/r6/deep/key'],
    });
  });

  it.each(['', '..', 'a/b', '.candidates', '*'])('takes %j for no instance: 2', async (name) => {
    const { code, stderr } = await command('retire', name, '--yes', '--config', '/nowhere.yaml');
    expect(stderr).toContain('an instance has a name of');
    expect(code).toBe(2);
  });
});
