import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { CertificateAuthority } from '../../kit/certificates.js';
import { DaemonProcess } from '../../kit/daemon/daemon-process.js';
import { Staging } from '../../kit/daemon/staging.js';
import { RawConsul } from '../../kit/servers/raw-consul.js';
import { waitUntil } from '../../kit/servers/wait-until.js';
import { commandIn } from '../cli/command.js';
import { digestId } from './documented-permissions.js';
import { formsOf, plantedSecret, Written } from './planted-secrets.js';

type Sections = Record<string, Record<string, unknown>>;

const COMMANDS = [
  ['check'],
  ['check', '--json'],
  ['plan'],
  ['plan', '--json'],
  ['diff'],
  ['diff', '--json'],
  ['status'],
  ['explain', 'config', 'a'],
  ['explain', 'config', 'a', '--json'],
];
const ENDPOINTS = [
  '/',
  '/metrics',
  '/livez',
  '/readyz',
  '/api/v1/status',
  '/api/v1/mappings/config',
  '/api/v1/mappings/config/conflicts',
  '/api/v1/mappings/config/explain?key=a',
  '/api/v1/mappings/config/resync?from=merge',
  '/api/v1/nowhere',
];

const key = new CertificateAuthority('nobody').issue({ commonName: 'nobody' });

/** What no text may have in any form. The ids of ACLs are digests of credentials, and count as such. */
const secrets = {
  'right ZooKeeper credentials': `sync:${plantedSecret('zk')}`,
  'wrong ZooKeeper credentials': `sync:${plantedSecret('wrong-zk')}`,
  'ZooKeeper credentials in a file': `sync:${plantedSecret('file-zk')}`,
  'right Consul token': 'set below',
  'wrong Consul token': plantedSecret('consul').replace('ü', 'u'),
  'Consul token in a file': plantedSecret('file-consul').replace('ü', 'u'),
  'admin token': plantedSecret('admin'),
  'wrong admin token': plantedSecret('wrong-admin').replace('ü', 'u'),
  'unused variable': plantedSecret('unused'),
  'default of a variable': plantedSecret('default').replaceAll(/[{}]/g, ''),
  'id in an ACL': digestId(`other:${plantedSecret('acl')}`),
  'key of a certificate': key.keyPem.split('\n')[1] ?? '',
};

const written = new Written();
let staging: Staging;
let folder: string;
let environment: Record<string, string>;
const daemons: DaemonProcess[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zk-consul-sync-secrets-'));
  staging = await Staging.start({ consul: { acl: true } });
  const rules = 'key_prefix "config/" { policy = "write" } key_prefix "zk-consul-sync/" { policy = "write" }';
  secrets['right Consul token'] = (await staging.consul.createToken(rules)).secret;
  const acl = [{ permissions: 31, scheme: 'digest', id: digestId(secrets['right ZooKeeper credentials']) }];
  await staging.zookeeper.create('/config', '', { acl });
  environment = {
    ZK_AUTH: secrets['right ZooKeeper credentials'],
    SYNC_CONSUL_TOKEN: secrets['right Consul token'],
    ADMIN_TOKEN: secrets['admin token'],
    UNUSED: secrets['unused variable'],
  };
  await writeFile(join(folder, 'zk'), secrets['ZooKeeper credentials in a file'], { mode: 0o600 });
  await writeFile(join(folder, 'consul'), secrets['Consul token in a file'], { mode: 0o600 });
  await writeFile(join(folder, 'client.pem'), key.certPem);
  await writeFile(join(folder, 'client.key'), key.keyPem, { mode: 0o600 });
});
afterAll(async () => {
  for (const daemon of daemons) await daemon.dispose();
  await staging.dispose();
  await rm(folder, { recursive: true, force: true });
});

/** Ways to give secrets, right and wrong ones. */
function ways(): Record<'byVariables' | 'wrongInline' | 'wrongByFiles', Sections> {
  const acl = [
    { scheme: 'digest', id: secrets['id in an ACL'], permissions: 'r' },
    { scheme: 'digest', id: digestId(secrets['right ZooKeeper credentials']), permissions: 'crwda' },
  ];
  return {
    byVariables: {
      zookeeper: { auth: { credentials: '${ZK_AUTH}' }, acl },
      consul: { token: '${SYNC_CONSUL_TOKEN}' },
      admin: { token: '${ADMIN_TOKEN}' },
    },
    wrongInline: {
      zookeeper: { auth: { credentials: secrets['wrong ZooKeeper credentials'] } },
      consul: { token: secrets['wrong Consul token'] },
      admin: { token: secrets['admin token'] },
      log: { level: 'trace', format: 'pretty' },
    },
    wrongByFiles: {
      zookeeper: { auth: { credentialsFile: join(folder, 'zk') } },
      consul: { tokenFile: join(folder, 'consul') },
      admin: { token: `\${NOT_SET:-${secrets['default of a variable']}}` },
    },
  };
}

async function start(sections: Sections): Promise<DaemonProcess> {
  const daemon = await DaemonProcess.start({
    zookeeper: staging.zookeeperServer.connect,
    consul: staging.consulServer.address,
    environment,
    config: { log: { level: 'trace' }, ...sections },
  });
  daemons.push(daemon);
  return daemon;
}

/** Everything that the daemon answers, with the token and with others, wherever somebody may put them. */
async function askEverything(daemon: DaemonProcess, way: string): Promise<void> {
  const tokens = [undefined, secrets['admin token'], secrets['wrong admin token']];
  for (const token of tokens) {
    const latin1 = token && Buffer.from(token).toString('latin1');
    const query = token === undefined ? '' : `token=${encodeURIComponent(token)}`;
    for (const endpoint of ENDPOINTS) {
      const separator = endpoint.includes('?') ? '&' : '?';
      const path = endpoint.includes('/api/v1/mappings') ? endpoint : `${endpoint}${separator}${query}`;
      const answer = await fetch(`${daemon.adminUrl}${path}`, {
        headers: latin1 === undefined ? {} : { authorization: `Bearer ${latin1}` },
      });
      written.add(`${way}: GET ${endpoint}`, `${JSON.stringify([...answer.headers])} ${await answer.text()}`);
    }
    const pause = await fetch(`${daemon.adminUrl}/api/v1/mappings/config/nothing?${query}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-forwarded-for': '10.0.0.1' },
      body: JSON.stringify({ token: 'x' }),
    });
    written.add(`${way}: POST`, await pause.text());
  }
}

async function runEveryCommand(daemon: DaemonProcess, way: string): Promise<void> {
  await Promise.all(
    COMMANDS.map(async (args) => {
      const { stdout, stderr } = await commandIn(environment, ...args, '--config', daemon.configFile);
      written.add(`${way}: ${args.join(' ')}`, stdout + stderr);
    }),
  );
}

async function missesBoth(daemon: DaemonProcess): Promise<boolean> {
  const { replicas } = await daemon.status();
  return !replicas.zookeeper.connected && !replicas.consul.connected;
}

async function collect(daemon: DaemonProcess, way: string): Promise<void> {
  written.add(`${way}: log`, await daemon.log());
  await written.addFolder(`${way}: archive`, daemon.archivePath);
}

describe('secrets, wherever they can be given, while everything works and while everything fails', () => {
  it('are used: both stores and the admin server let the right ones in', async () => {
    const daemon = await start(ways().byVariables);
    await daemon.inSync();
    await staging.consul.put('config/a', 'value');
    await waitUntil('the entry', async () => (await daemon.mapping()).entries === 1);
    await daemon.inSync();
    await askEverything(daemon, 'right');
    await runEveryCommand(daemon, 'right');
    expect(written.text('right: GET /api/v1/mappings/config/explain?key=a')).toContain('"archive"');
    expect(written.text('right: check --json')).toContain('"ok":true');
  });

  it('are used: a broken file, of whatever kind, is refused on SIGHUP, and the old one stays', async () => {
    const [daemon] = daemons;
    if (daemon === undefined) throw new Error('no daemon');
    const base =
      'zookeeper: { connect: zk }\nmappings: [{ name: config, zookeeper: /config, consul: config }]\n';
    const secret = JSON.stringify(secrets['unused variable']);
    const broken = [
      `${base}consul: { token: [${secret}] }`,
      `${base}consul: { ${secret}: x }`,
      `${base}consul: { token: ${secret}, token: ${secret} }`,
      `${base}consul: { address: "http://user:${encodeURIComponent(secrets['unused variable'])}@consul:8500" }`,
      `${base}consul: { tokenFile: ${secret} }`,
      `${base}consul: { datacenter: '\${UNUSED}' }`,
      `${base}consul: { address: '\${UNUSED}', tls: { ca: '\${UNUSED}' } }`,
      `${base}admin: { token: ${secret}\n`,
      `${base}admin:\n  token: *${secrets['unused variable']}\n`,
      `${base}admin:\n  listen: '\${UNUSED}'\n`,
      `${base}consul: { tls: { cert: ${join(folder, 'client.key')}, key: ${join(folder, 'zk')} } }`,
    ];
    for (const [index, text] of broken.entries()) {
      await writeFile(daemon.configFile, text, { mode: 0o600 });
      daemon.signal('SIGHUP');
      await waitUntil(`refusal ${index}`, async () => {
        const refusals = (await daemon.log()).split("The new configuration can't be used").length - 1;
        return refusals > index;
      });
      const { code, stdout, stderr } = await commandIn(environment, 'check', '--config', daemon.configFile);
      expect({ text, code, stdout }).toEqual({ text, code: 2, stdout: '' });
      written.add(`broken ${index}: check`, stderr);
    }
    expect((await daemon.mapping()).state).toBe('live');
  });

  it.each(['wrongInline', 'wrongByFiles'] as const)(
    'are used: wrong ones are refused by both stores (%s)',
    async (way) => {
      const daemon = await start(ways()[way]);
      await waitUntil(
        'the mapping to say what is wrong',
        async () => (await daemon.mapping()).problem !== null,
      );
      await waitUntil('Consul to refuse the token', async () =>
        (await daemon.log()).includes('ACL not found'),
      );
      await askEverything(daemon, way);
      await runEveryCommand(daemon, way);
      expect(written.text(`${way}: check`)).toContain('denied by ZooKeeper');
      expect(written.text(`${way}: check`)).toContain('ACL not found');
      await daemon.stop();
      await collect(daemon, way);
    },
  );

  it('are used: keys for stores that turn out to speak no TLS', async () => {
    const tls = { cert: join(folder, 'client.pem'), key: join(folder, 'client.key') };
    const address = staging.consulServer.address.replace('http:', 'https:');
    const daemon = await start({ zookeeper: { tls }, consul: { address, tls } });
    await waitUntil('both stores to be missed', () => missesBoth(daemon));
    await askEverything(daemon, 'keys');
    await daemon.stop();
    await collect(daemon, 'keys');
  });

  it('are used: a token is taken away, and then both stores', async () => {
    const [daemon] = daemons;
    if (daemon === undefined) throw new Error('no daemon');
    await writeFile(daemon.configFile, stringify(configurationOf(daemon)), { mode: 0o600 });
    const own = new RawConsul(staging.consulServer, secrets['right Consul token']);
    const { text } = await own.request('GET', '/v1/acl/token/self');
    const { AccessorID } = JSON.parse(text) as { AccessorID: string };
    await staging.consul.request('DELETE', `/v1/acl/token/${AccessorID}`);
    // Wakes the watch, which would otherwise find out within its minute.
    await staging.consul.put('config/a', 'another');
    await waitUntil('the token to be missed', async () => (await daemon.mapping()).problem !== null, {
      timeoutMs: 40_000,
    });
    await askEverything(daemon, 'revoked');
  });

  it('are used: both stores are gone', async () => {
    const [daemon] = daemons;
    if (daemon === undefined) throw new Error('no daemon');
    await Promise.all([staging.zookeeperServer.kill(), staging.consulServer.kill()]);
    await waitUntil('both stores to be missed', () => missesBoth(daemon), { timeoutMs: 20_000 });
    await askEverything(daemon, 'down');
    await Promise.all(
      [['check'], ['diff', '--json'], ['status', '--json']].map(async (args) => {
        const { code, stdout, stderr } = await commandIn(environment, ...args, '--config', daemon.configFile);
        written.add(`down: ${args.join(' ')}`, stdout + stderr);
        expect({ args, code }).toEqual({ args, code: args[0] === 'status' ? 1 : 3 });
      }),
    );
    await daemon.stop();
    await collect(daemon, 'right and down');
  });

  it('stand in nothing that was written: logs, answers, metrics, outputs, errors, the archive', () => {
    expect(written.places.length).toBeGreaterThan(60);
    for (const place of written.places) expect(written.text(place), place).not.toBe('');
    expect(written.text('right and down: log')).toContain('[secret]');
    expect(written.leaks(secrets)).toEqual([]);
  });

  it('would be found if they did, in whatever form', () => {
    for (const [name, secret] of Object.entries(secrets)) {
      for (const form of formsOf(secret)) {
        const suspicious = new Written();
        suspicious.add('here', `{"msg":"${form}"}`);
        expect(suspicious.leaks({ [name]: secret })).toHaveLength(1);
      }
    }
  });

  function configurationOf(daemon: DaemonProcess): Record<string, unknown> {
    const { zookeeper, consul, admin } = ways().byVariables;
    return {
      zookeeper: { connect: staging.zookeeperServer.connect, sessionTimeout: '4s', ...zookeeper },
      consul: { address: staging.consulServer.address, ...consul },
      archive: { path: daemon.archivePath },
      admin: { listen: `127.0.0.1:${daemon.adminPort}`, ...admin },
      log: { level: 'trace' },
      mappings: [{ name: 'config', zookeeper: '/config', consul: 'config' }],
    };
  }
});
