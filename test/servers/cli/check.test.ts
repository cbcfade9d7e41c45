import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Staging } from '../../kit/daemon/staging.js';
import { RawConsul } from '../../kit/servers/raw-consul.js';
import { RawZooKeeper } from '../../kit/servers/raw-zookeeper.js';
import type { Places } from './command.js';
import { command, Configurations } from './command.js';

interface FindingAnswer {
  readonly level: 'ok' | 'warn' | 'fail';
  readonly about: string;
  readonly message: string;
}

let staging: Staging;
let configurations: Configurations;
let places: Places;

beforeAll(async () => {
  staging = await Staging.start({ consul: { acl: true } });
  configurations = await Configurations.create();
  places = { zookeeper: staging.zookeeperServer.connect, consul: staging.consulServer.address };
});
afterAll(async () => {
  await staging.dispose();
  await configurations.dispose();
});

const managementToken = () => ({ token: staging.consulServer.managementToken });

async function tokenFor(rules: string): Promise<string> {
  return (await new RawConsul(staging.consulServer).createToken(rules)).secret;
}

async function check(
  file: string,
): Promise<{ code: number | null; findings: FindingAnswer[]; stderr: string }> {
  const { code, stdout, stderr } = await command('check', '--json', '--config', file);
  const { findings } = JSON.parse(stdout) as { findings: FindingAnswer[] };
  return { code, findings, stderr };
}

const failures = (findings: readonly FindingAnswer[]) =>
  findings.filter(({ level }) => level === 'fail').map(({ about, message }) => `${about}: ${message}`);

describe('check', () => {
  it('finds two good stores and ends with 0, leaving nothing behind in either, nor an archive', async () => {
    const file = await configurations.write(places, { consul: managementToken() });
    const before = [await staging.zookeeper.listTree('/'), await staging.consul.list('')];
    const { code, stdout, stderr } = await command('check', '--config', file);
    expect(stdout).toMatch(/^ok +zookeeper +session with 127\.0\.0\.1:\d+, no authentication configured$/m);
    expect(stdout).toMatch(
      /^ok +zookeeper +version 3\.8\.\d+, standalone, with recursive watches and bulk reads$/m,
    );
    expect(stdout).toMatch(/^ok +consul +the token is accepted, accessor [0-9a-f-]+$/m);
    expect(stdout).toMatch(/^ok +consul +version 1\.\d+\.\d+, an agent of datacenter dc1$/m);
    expect(stdout).toMatch(/^ok +config +config\/ in Consul may be read and changed$/m);
    expect(stdout).toMatch(/^ok +config +not paired yet: a start makes the ledgers in both stores$/m);
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('0 failures, 0 warnings');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect([await staging.zookeeper.listTree('/'), await staging.consul.list('')]).toEqual(before);
    expect(existsSync(configurations.archivePath)).toBe(false);
  });

  it('warns, and ends with 0, of what is valid and probably not meant', async () => {
    const file = await configurations.write(places, { consul: managementToken() }, [{ drift: 'revert' }]);
    const { code, findings } = await check(file);
    expect(findings).toContainEqual(
      expect.objectContaining({ level: 'warn', message: expect.stringContaining('drift') as string }),
    );
    expect(code).toBe(0);
  });

  it('fails, and ends with 1, where no archive can be', async () => {
    const inTheWay = await configurations.write(places);
    const archive = { path: join(inTheWay, 'archive') };
    const file = await configurations.write(places, { consul: managementToken(), archive });
    const { code, findings } = await check(file);
    expect(failures(findings)).toEqual([expect.stringMatching(/^archive: .*ENOTDIR/)]);
    expect(code).toBe(1);
  });
});

// Each waits for its whole deadline.
describe.concurrent('check ends with 3 and says what is wrong', () => {
  it('when no store answers', async () => {
    const file = await configurations.write({ zookeeper: '127.0.0.1:1', consul: 'http://127.0.0.1:1' });
    const { code, findings } = await check(file);
    expect(failures(findings)).toEqual([
      expect.stringMatching(/^zookeeper: no session .* at 127\.0\.0\.1:1: connect ECONNREFUSED/),
      expect.stringMatching(/^consul: GET .* on http:\/\/127\.0\.0\.1:1: .*ECONNREFUSED/),
    ]);
    expect(code).toBe(3);
  });

  it('when the two addresses were mixed up', async () => {
    const mixedUp = {
      zookeeper: `127.0.0.1:${staging.consulServer.port}`,
      consul: `http://${staging.zookeeperServer.connect}`,
    };
    const { code, findings } = await check(await configurations.write(mixedUp));
    expect(failures(findings)).toEqual([
      expect.stringMatching(
        /^zookeeper: no session with ZooKeeper .*is zookeeper\.connect its client port, without TLS/,
      ),
      expect.stringMatching(/^consul: .*Is the Consul agent running and reachable there\?$/),
    ]);
    expect(code).toBe(3);
  });

  it('when another program listens there, which never answers', async () => {
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = silent.address() as AddressInfo;
      const file = await configurations.write({
        zookeeper: `127.0.0.1:${port}`,
        consul: `http://127.0.0.1:${port}`,
      });
      const { code, findings } = await check(file);
      expect(failures(findings)).toEqual([
        expect.stringMatching(/^zookeeper: no session/),
        expect.stringMatching(/^consul: .*no whole answer within 10000 ms/),
      ]);
      expect(code).toBe(3);
    } finally {
      silent.close();
    }
  });

  it('when the Consul token is unknown', async () => {
    const token = '11111111-2222-3333-4444-555555555555';
    const file = await configurations.write(places, { consul: { token } });
    const { code, findings, stderr } = await check(file);
    expect(failures(findings)).toEqual([expect.stringMatching(/^consul: .*ACL not found.*renew it/)]);
    expect(JSON.stringify(findings) + stderr).not.toContain(token);
    expect(code).toBe(3);
  });

  it('when the ZooKeeper digest is wrong, although ZooKeeper accepts it', async () => {
    const id = `user:${createHash('sha1').update('user:right').digest('base64')}`;
    const acl = [{ permissions: 31, scheme: 'digest', id }];
    await staging.zookeeper.create('/guarded', '', { acl });
    const sections = (credentials: string) => ({
      zookeeper: { auth: { scheme: 'digest', credentials } },
      consul: managementToken(),
    });
    const mapping = [{ zookeeper: '/guarded' }];
    const wrong = await check(await configurations.write(places, sections('user:wrong-one'), mapping));
    expect(failures(wrong.findings)).toEqual([
      expect.stringMatching(/^config: denied by ZooKeeper, read \/guarded: .*zookeeper\.auth is wrong/),
    ]);
    expect(JSON.stringify(wrong)).not.toContain('wrong-one');
    expect(wrong.code).toBe(3);

    const right = await check(await configurations.write(places, sections('user:right'), mapping));
    expect(failures(right.findings)).toEqual([]);
    expect(right.code).toBe(0);
    const guardian = await RawZooKeeper.connect(staging.zookeeperServer, { digest: 'user:right' });
    expect(await guardian.children('/guarded')).toEqual([]);
    await guardian.close();
  });
});

describe('check tells which permission is missing, and ends with 1', () => {
  it.each([
    [
      'read the prefix',
      'key_prefix "zk-consul-sync/" { policy = "write" }',
      'Consul does not allow to read config/',
    ],
    ['write the prefix', 'key_prefix "" { policy = "read" }', 'Consul does not allow to write config/'],
    [
      'write the ledger',
      'key_prefix "config/" { policy = "write" } key_prefix "" { policy = "read" }',
      'Consul does not allow to write the ledger zk-consul-sync/default/config',
    ],
  ])('in Consul: to %s', async (_, rules, message) => {
    const file = await configurations.write(places, { consul: { token: await tokenFor(rules) } });
    const { code, findings } = await check(file);
    expect(failures(findings)[0]).toContain(message);
    expect(code).toBe(1);
  });

  it('in ZooKeeper: to create below the root', async () => {
    await staging.zookeeper.create('/read-only', '', {
      acl: [{ permissions: 1, scheme: 'world', id: 'anyone' }],
    });
    const file = await configurations.write(places, { consul: managementToken() }, [
      { zookeeper: '/read-only' },
    ]);
    const { code, findings } = await check(file);
    expect(failures(findings)).toEqual([
      expect.stringMatching(
        /^config: denied by ZooKeeper, create below \/read-only: no permission.*is not set/,
      ),
    ]);
    expect(code).toBe(1);
  });

  it('in ZooKeeper: to delete below the root', async () => {
    await staging.zookeeper.create('/no-delete', '', {
      acl: [{ permissions: 7, scheme: 'world', id: 'anyone' }],
    });
    const file = await configurations.write(places, { consul: managementToken() }, [
      { zookeeper: '/no-delete' },
    ]);
    const { findings } = await check(file);
    expect(failures(findings)).toEqual([expect.stringContaining('delete below /no-delete: no permission')]);
    expect(await staging.zookeeper.children('/no-delete')).toEqual([]);
  });

  it('but not one that the direction of the mapping does not need', async () => {
    const rules = 'key_prefix "config/" { policy = "read" } key_prefix "zk-consul-sync/" { policy = "read" }';
    const mapping = [{ direction: 'consul-to-zookeeper' }];
    const file = await configurations.write(places, { consul: { token: await tokenFor(rules) } }, mapping);
    const { code, findings } = await check(file);
    expect(failures(findings)).toEqual([]);
    expect(findings).toContainEqual(
      expect.objectContaining({
        level: 'warn',
        message: expect.stringContaining('goes without a ledger') as string,
      }),
    );
    expect(code).toBe(0);
  });
});
