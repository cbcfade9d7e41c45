import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createConnection } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { startConsul } from '../kit/servers/consul-server.js';
import { RawConsul } from '../kit/servers/raw-consul.js';
import { RawZooKeeper } from '../kit/servers/raw-zookeeper.js';
import { waitUntil } from '../kit/servers/wait-until.js';
import { startZooKeeper, zkCli } from '../kit/servers/zookeeper-server.js';

const disposals: (() => Promise<void>)[] = [];

/** Remembers what to dispose when the test is over, in reverse order. */
function disposeLater<T extends { dispose(): Promise<void> }>(server: T): T {
  disposals.push(() => server.dispose());
  return server;
}

async function connect(server: { readonly connect: string }, digest?: string): Promise<RawZooKeeper> {
  const client = await RawZooKeeper.connect(server, digest === undefined ? {} : { digest });
  disposals.push(() => client.close());
  return client;
}

afterEach(async () => {
  for (const dispose of disposals.splice(0).reverse()) await dispose();
});

describe.each(['3.8', '3.4'] as const)('a ZooKeeper %s server of the kit', (flavour) => {
  it('keeps its data, its port and its version when it is killed and started again', async () => {
    const server = disposeLater(await startZooKeeper({ flavour }));
    const before = await connect(server);
    await before.create('/config/a', 'one');
    await before.set('/config/a', 'two');
    const written = await before.get('/config/a');

    await server.kill();
    expect(server.pid).toBeUndefined();
    await server.start();

    expect(await server.fourLetterCommand('srvr')).toContain(`Zookeeper version: ${flavour}.`);
    const after = await connect(server);
    expect(await after.get('/config/a')).toEqual(written);
    expect(written?.data?.toString()).toBe('two');
    expect(written?.stat.version).toBe(1);
  });

  it('goes back to a copy of its data, and to nothing', async () => {
    const server = disposeLater(await startZooKeeper({ flavour }));
    await (await connect(server)).create('/early');
    await server.stop();
    const copy = await server.snapshotData();
    await server.start();
    await (await connect(server)).create('/late');

    await server.kill();
    await server.restoreData(copy);
    await server.start();
    expect(await (await connect(server)).children('/')).toEqual(['early', 'zookeeper']);

    await server.stop();
    await server.wipe();
    await server.start();
    expect(await (await connect(server)).children('/')).toEqual(['zookeeper']);
  });

  it('obeys ZooKeeper’s own command line', async () => {
    const server = disposeLater(await startZooKeeper({ flavour }));
    const client = await connect(server);
    await client.create('/config/a/b', 'x');
    await client.create('/config/c', 'y');
    await zkCli(server, ['deleteall', '/config']);
    expect(await client.listTree('/config')).toEqual([]);
  });
});

describe('a ZooKeeper server of the kit', () => {
  it('does not answer while it is paused, and does again when it is resumed', async () => {
    const server = disposeLater(await startZooKeeper());
    await server.pause();
    await expect(server.fourLetterCommand('ruok')).rejects.toThrow('no answer to ruok');
    server.resume();
    expect(await server.fourLetterCommand('ruok')).toBe('imok');
  });

  it('says what its log says when it can’t start', async () => {
    await expect(startZooKeeper({ extraConfig: { tickTime: 'soon' } })).rejects.toThrow(
      /NumberFormatException/,
    );
  });

  it('takes another port instead of a taken one, and refuses only a port that was asked for', async () => {
    const first = disposeLater(await startZooKeeper());
    await expect(startZooKeeper({ port: first.port })).rejects.toThrow(/BindException/);
    const second = disposeLater(await startZooKeeper());
    expect(second.port).not.toBe(first.port);
  });

  it('leaves nothing behind when it is disposed', async () => {
    const server = await startZooKeeper();
    await server.dispose();
    expect(existsSync(server.dataDirectory)).toBe(false);
  });

  it('does not outlive the process that started it, even one killed by SIGKILL', async () => {
    const program = `
      import { startZooKeeper } from ${JSON.stringify(new URL('../kit/servers/zookeeper-server.ts', import.meta.url))};
      const server = await startZooKeeper();
      console.log(JSON.stringify({ port: server.port, folder: server.dataDirectory }));
      setInterval(() => {}, 1000);`;
    const owner = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', program]);
    disposals.push(async () => void owner.kill('SIGKILL'));
    const [line] = (await once(owner.stdout, 'data')) as [Buffer];
    const { port, folder } = JSON.parse(line.toString()) as { port: number; folder: string };

    owner.kill('SIGKILL');

    await waitUntil('the folder to be removed', () => !existsSync(folder));
    // A signal is only sent by then: the system closes what the server listened on when it comes to it.
    await waitUntil('nobody to listen any more', () => isRefused(port));
  });
});

describe('the raw ZooKeeper client', () => {
  it('tells no data from empty data, and sees owners, permissions and the outcome of a multi', async () => {
    const server = disposeLater(await startZooKeeper());
    const client = await connect(server, 'ann:secret');
    await client.create('/none');
    await client.create('/empty', '');
    expect((await client.get('/none'))?.data).toBeNull();
    expect((await client.get('/empty'))?.data).toEqual(Buffer.alloc(0));

    await client.create('/mine', 'x', { mode: 'ephemeral' });
    expect((await client.get('/mine'))?.stat.ephemeralOwner).toBe(client.sessionId);
    const elsewhere = await connect(server);
    await client.close();
    expect(await elsewhere.get('/mine')).toBeUndefined();

    const owner = await connect(server, 'ann:secret');
    await owner.create('/locked', 'x', { acl: [{ permissions: 31, scheme: 'auth', id: '' }] });
    expect((await owner.get('/locked'))?.data?.toString()).toBe('x');
    await expect(elsewhere.get('/locked')).rejects.toMatchObject({ name: 'NO_AUTH' });

    await elsewhere.setAcl('/none', [{ permissions: 31, scheme: 'digest', id: 'ann:hash' }]);
    await expect(elsewhere.get('/none')).rejects.toMatchObject({ name: 'NO_AUTH' });

    await elsewhere.set('/empty', 'moved on');
    const failing = elsewhere.multi([
      { kind: 'create', path: '/made', data: 'x' },
      { kind: 'check', path: '/empty', version: 0 },
    ]);
    await expect(failing).rejects.toMatchObject({ name: 'BAD_VERSION' });
    expect(await elsewhere.get('/made')).toBeUndefined();
  });

  it('leaves an ephemeral znode behind when it is abandoned, until the session times out', async () => {
    const server = disposeLater(await startZooKeeper());
    const client = await RawZooKeeper.connect(server, { sessionTimeoutMs: 2_000 });
    await client.create('/mine', 'x', { mode: 'ephemeral' });
    client.abandon();
    const elsewhere = await connect(server);
    expect(await elsewhere.get('/mine')).toBeDefined();
    await waitUntil('the session to time out', async () => (await elsewhere.get('/mine')) === undefined);
  });
});

describe('a Consul server of the kit', () => {
  it('keeps its data and its port when it is killed and started again', async () => {
    const server = disposeLater(await startConsul());
    const client = new RawConsul(server);
    const written = await client.put('config/a', 'one', (1n << 64n) - 1n);

    await server.kill();
    expect(server.pid).toBeUndefined();
    await server.start();

    expect(await client.get('config/a')).toEqual({ ...written, value: Buffer.from('one') });
    expect(written.flags).toBe('18446744073709551615');
  });

  it('starts without a trace in the store', async () => {
    const server = disposeLater(await startConsul());
    const client = new RawConsul(server);
    expect(await client.list('')).toEqual([]);
    await client.put('a', '1');
    expect((await client.list('')).map(({ key }) => key)).toEqual(['a']);
  });

  it('denies everything without a token when access control is on', async () => {
    const server = disposeLater(await startConsul({ acl: true }));
    const manager = new RawConsul(server);
    await manager.put('config/a', 'one');
    const { secret, policyId } = await manager.createToken('key_prefix "config/" { policy = "read" }');
    const reader = new RawConsul(server, secret);

    expect((await reader.get('config/a'))?.value.toString()).toBe('one');
    await expect(reader.put('config/a', 'two')).rejects.toThrow('Permission denied');
    await expect(new RawConsul({ address: server.address }).get('config/a')).rejects.toThrow(
      'Permission denied',
    );
    await manager.updatePolicy(policyId, 'key "other" { policy = "read" }');
    await expect(reader.get('config/a')).rejects.toThrow('Permission denied');
  });

  it.each([{ acl: false }, { acl: true }])(
    'goes back to a snapshot, access control: $acl',
    async (options) => {
      const server = disposeLater(await startConsul(options));
      const client = new RawConsul(server);
      const early = await client.put('config/a', 'early');
      const snapshot = await server.saveSnapshot();
      await client.put('config/a', 'late');
      await client.put('config/b', 'late');

      await server.restoreSnapshot(snapshot);

      expect((await client.list('config/')).map(({ key, modifyIndex }) => [key, modifyIndex])).toEqual([
        ['config/a', early.modifyIndex],
      ]);
    },
  );

  it('forgets everything when it is wiped', async () => {
    const server = disposeLater(await startConsul());
    const client = new RawConsul(server);
    await client.put('config/a', 'one');
    await server.stop();
    await server.wipe();
    await server.start();
    expect(await client.get('config/a')).toBeUndefined();
  });

  it('does not answer while it is paused', async () => {
    const server = disposeLater(await startConsul());
    await server.pause();
    const request = fetch(`${server.address}/v1/status/leader`, { signal: AbortSignal.timeout(300) });
    await expect(request).rejects.toThrow(/timeout/);
    server.resume();
    expect((await new RawConsul(server).request('GET', '/v1/status/leader')).status).toBe(200);
  });

  it('holds any string as a key, and bytes as they are', async () => {
    const client = new RawConsul(disposeLater(await startConsul()));
    const keys = ['a//b', './x', 'tab\there', 'ä/😀', '?q=1&#'];
    const value = Buffer.from([0, 255, 128, 10]);
    for (const key of keys) await client.put(key, value);
    for (const key of keys) expect((await client.get(key))?.value).toEqual(value);
    expect((await client.list('')).map(({ key }) => key).sort()).toEqual([...keys].sort());
    await client.deleteTree('ä/');
    await client.delete('a//b');
    expect((await client.list('./')).map(({ key }) => key)).toEqual(['./x']);
    expect(await client.get('ä/😀')).toBeUndefined();
  });
});

async function isRefused(port: number): Promise<boolean> {
  const socket = createConnection({ host: '127.0.0.1', port });
  const code = await new Promise<string | undefined>((resolve) => {
    socket.once('connect', () => {
      resolve(undefined);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code);
    });
  });
  socket.destroy();
  return code === 'ECONNREFUSED';
}
