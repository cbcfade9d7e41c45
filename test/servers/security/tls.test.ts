import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DaemonProcess } from '../../kit/daemon/daemon-process.js';
import { waitUntil } from '../../kit/servers/wait-until.js';
import { TlsTerminator } from '../../kit/tls-terminator.js';
import { command, Configurations } from '../cli/command.js';
import type { TlsSection } from './tls-stores.js';
import { TlsStores } from './tls-stores.js';

interface FindingAnswer {
  readonly level: 'ok' | 'warn' | 'fail';
  readonly about: string;
  readonly message: string;
}

const HOUR_MS = 60 * 60 * 1000;
const EXPIRED = { validFromMs: -2 * HOUR_MS, validToMs: -HOUR_MS };

let stores: TlsStores;
let configurations: Configurations;

beforeAll(async () => {
  stores = await TlsStores.start();
  configurations = await Configurations.create();
});
afterAll(async () => {
  await stores.dispose();
  await configurations.dispose();
});

const bothBy = (tls: TlsSection) => ({ zookeeper: { tls }, consul: { tls } });

/** `check` of a configuration whose stores are both spoken to in this way. */
async function check(tls: TlsSection | undefined, places: { zookeeper: string; consul: string } = stores) {
  const file = await configurations.write(places, tls === undefined ? {} : bothBy(tls));
  const { code, stdout } = await command('check', '--json', '--config', file);
  const { findings } = JSON.parse(stdout) as { findings: FindingAnswer[] };
  const failed = findings.filter(({ level }) => level === 'fail');
  return { code, failures: failed.map(({ about, message }) => `${about}: ${message}`), findings };
}

describe('a daemon between stores that speak mutual TLS', () => {
  it('takes another name for the stores where their certificates have it', async () => {
    const { code, failures } = await check(stores.tls({ serverName: 'stores.test' }));
    expect({ code, failures }).toEqual({ code: 0, failures: [] });
  });

  it('is checked without a complaint, and syncs both ways', async () => {
    const { code, findings } = await check(stores.tls());
    expect(findings.filter(({ level }) => level !== 'ok')).toEqual([]);
    expect(code).toBe(0);

    const { staging, zookeeper, consul } = stores;
    const daemon = await staging.startDaemon({ zookeeper, consul, config: bothBy(stores.tls()) });
    await daemon.inSync();
    await staging.zookeeper.create('/config/from-zookeeper', 'z');
    await staging.consulHolds('config/from-zookeeper', 'z');
    await staging.consul.put('config/from-consul', 'c');
    await staging.zookeeperHolds('/config/from-consul', 'c');
    await daemon.stop();
  });
});

// ZooKeeper's part of each waits for its whole deadline.
describe.concurrent(
  'S5: a store that is not trusted, or does not trust, counts as unreachable, and `check` says what to do,',
  () => {
    const untrusted = (store: string) =>
      new RegExp(`^${store}: .*not trusted here .*set ${store}\\.tls\\.ca to`, 'i');
    const otherName = (store: string) =>
      new RegExp(`^${store}: .*another name: .*elsewhere\\.test.*set ${store}\\.tls\\.serverName`, 'i');
    const refusedClient = (store: string) =>
      new RegExp(
        `^${store}: .*does not accept this daemon's certificate.*set ${store}\\.tls\\.cert and`,
        'i',
      );

    it.each([
      ['where the authority is another', { ca: 'other-ca.pem' }, untrusted],
      ['where the authority is unknown', { ca: undefined }, untrusted],
      ['where the server has another name', { serverName: 'elsewhere.test' }, otherName],
      ['where it shows no certificate', { cert: undefined, key: undefined }, refusedClient],
      [
        'where its certificate has expired',
        { cert: 'expired-client.pem', key: 'expired-client.key' },
        refusedClient,
      ],
      [
        'where its certificate is of another authority',
        { cert: 'strange-client.pem', key: 'strange-client.key' },
        refusedClient,
      ],
    ])('%s', async (_, change, message) => {
      const { code, failures } = await check(stores.tls(change));
      expect(failures).toEqual([
        expect.stringMatching(message('zookeeper')),
        expect.stringMatching(message('consul')),
      ]);
      expect(code).toBe(3);
    });

    it('where the certificates of the servers have expired', async () => {
      const [zookeeper, consul] = await Promise.all([terminator(EXPIRED), terminator(EXPIRED)]);
      const { code, failures } = await check(stores.tls(), {
        zookeeper: zookeeper.address,
        consul: `https://${consul.address}`,
      });
      expect(failures).toEqual([
        expect.stringMatching(/^zookeeper: .*the server's certificate has expired\. Renew it there/),
        expect.stringMatching(/^consul: .*the server's certificate has expired.*Renew it there/),
      ]);
      expect(code).toBe(3);
      await Promise.all([zookeeper.close(), consul.close()]);
    });

    it('where the configuration knows of no TLS', async () => {
      const { code, failures } = await check(undefined, {
        zookeeper: stores.zookeeper,
        consul: stores.consul.replace('https:', 'http:'),
      });
      expect(failures).toEqual([
        expect.stringMatching(/^zookeeper: .*zookeeper\.tls is not set/),
        expect.stringMatching(/^consul: .*HTTPS/),
      ]);
      expect(code).toBe(3);
    });

    it('where the stores know of no TLS', async () => {
      const { zookeeperServer, consulServer } = stores.staging;
      const { code, failures } = await check(stores.tls(), {
        zookeeper: zookeeperServer.connect,
        consul: consulServer.address.replace('http:', 'https:'),
      });
      expect(failures).toEqual([
        expect.stringMatching(/^zookeeper: .*zookeeper\.tls is set/),
        expect.stringMatching(/^consul: .*This port speaks something else: check .*http against https/),
      ]);
      expect(code).toBe(3);
    });
  },
);

async function terminator(times: { validFromMs?: number; validToMs?: number }): Promise<TlsTerminator> {
  return await TlsTerminator.start(stores.serverCertificate(times), stores.staging.zookeeperServer.port);
}

describe('a daemon whose stores show a certificate that has expired', () => {
  let zookeeper: TlsTerminator;
  let consul: TlsTerminator;
  let daemon: DaemonProcess;

  const lastErrors = async () => {
    const status = (await (await fetch(`${daemon.adminUrl}/api/v1/status`)).json()) as {
      replicas: Record<'zookeeper' | 'consul', { connected: boolean; lastError: string | null }>;
    };
    return Object.values(status.replicas).map(({ connected, lastError }) =>
      connected ? undefined : lastError,
    );
  };

  it('L3: tells why in its status, tries ever less often, and goes on by itself once it was renewed', async () => {
    const { staging } = stores;
    const expired = stores.serverCertificate(EXPIRED);
    zookeeper = await TlsTerminator.start(expired, staging.zookeeperServer.port);
    consul = await TlsTerminator.start(expired, staging.consulServer.port);
    const tls = { ca: join(stores.folder, 'ca.pem') };
    daemon = await staging.startDaemon({
      zookeeper: zookeeper.address,
      consul: `https://${consul.address}`,
      mappings: [{ name: 'renewed', zookeeper: '/renewed', consul: 'renewed' }],
      config: bothBy(tls),
    });
    await waitUntil('both stores to be refused', async () => {
      const errors = await lastErrors();
      return errors.every((error) => /certificate has expired.*Renew it there/.test(error ?? ''));
    });
    await waitUntil('some attempts', () => zookeeper.attemptsAtMs.length >= 6, { timeoutMs: 30_000 });
    // A loop without a pause would have made its six in some milliseconds.
    expect((zookeeper.attemptsAtMs[5] ?? 0) - (zookeeper.attemptsAtMs[0] ?? 0)).toBeGreaterThan(500);
    expect(await daemon.ready()).toBe(false);

    const renewed = stores.serverCertificate();
    zookeeper.present(renewed);
    consul.present(renewed);
    await daemon.inSync('renewed', 60_000);
    await staging.zookeeper.create('/renewed/a', '1');
    await staging.consulHolds('renewed/a', '1');
    await daemon.stop();
    await Promise.all([zookeeper.close(), consul.close()]);
  });
});
