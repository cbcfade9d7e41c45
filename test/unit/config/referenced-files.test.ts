import { describe, expect, it } from 'vitest';
import { parse, problemsOf, withSections, withZooKeeper } from './configuration-text.js';
import { CERTIFICATE_PEM, KEY_PEM } from './test-certificate.js';
import { generateKeyPairSync } from 'node:crypto';

const TLS = 'tls: { ca: tls/ca.pem, cert: /abs/client.pem, key: ../client.key, serverName: zk }';
const FILES = {
  '/etc/sync/tls/ca.pem': CERTIFICATE_PEM,
  '/abs/client.pem': CERTIFICATE_PEM,
  '/etc/client.key': KEY_PEM,
};

describe('files that a configuration names', () => {
  it('are found from the directory of the configuration', async () => {
    const config = await parse(withZooKeeper(TLS), { files: FILES });
    expect(config.zookeeper.tls).toEqual({
      caFile: '/etc/sync/tls/ca.pem',
      certFile: '/abs/client.pem',
      keyFile: '/etc/client.key',
      serverName: 'zk',
    });
  });

  it('may hold the secrets of both stores', async () => {
    const text = `${withZooKeeper('auth: { credentialsFile: zk }')}consul: { tokenFile: consul }\n`;
    const config = await parse(text, {
      files: { '/etc/sync/zk': 'user:password\n', '/etc/sync/consul': 'token\n' },
    });
    expect(config.zookeeper.auth?.credentials).toEqual({ kind: 'file', file: '/etc/sync/zk' });
    expect(config.consul.token).toEqual({ kind: 'file', file: '/etc/sync/consul' });
  });

  it('do not include the archive, which the daemon makes itself', async () => {
    const config = await parse(withSections('archive: { path: state }'));
    expect(config.archive.path).toBe('/etc/sync/state');
  });

  it('are problems each for itself when they can not be read', async () => {
    const problems = await problemsOf(withZooKeeper(TLS), { files: { '/abs/client.pem': CERTIFICATE_PEM } });
    expect(problems).toMatchObject([
      {
        path: 'zookeeper.tls.ca',
        line: 3,
        column: 14,
        message: 'got "tls/ca.pem": the file can\'t be read: no such file',
      },
      {
        path: 'zookeeper.tls.key',
        line: 3,
        message: 'got "../client.key": the file can\'t be read: no such file',
      },
    ]);
  });

  it('have to hold PEM where certificates belong', async () => {
    const files = { ...FILES, '/etc/sync/tls/ca.pem': 'DER' };
    expect(await problemsOf(withZooKeeper(TLS), { files })).toMatchObject([
      { path: 'zookeeper.tls.ca', message: 'the file has no PEM block (-----BEGIN ...)' },
    ]);
  });

  it('have to fit together where a certificate and its key belong', async () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    const files = { ...FILES, '/etc/client.key': other.export({ type: 'pkcs8', format: 'pem' }).toString() };
    expect(await problemsOf(withZooKeeper(TLS), { files })).toMatchObject([
      {
        path: 'zookeeper.tls',
        line: 3,
        message: expect.stringMatching(/can't be used together: .*mismatch/) as string,
      },
    ]);
  });

  it('have to be a pair where a certificate and its key belong', async () => {
    const text = withSections('consul: { tls: { key: k } }');
    expect(await problemsOf(text, { files: { '/etc/sync/k': KEY_PEM } })).toMatchObject([
      {
        path: 'consul.tls.key',
        message: 'is set without consul.tls.cert; a certificate and its key go together',
      },
    ]);
  });

  it('have to hold a secret where one belongs', async () => {
    const text = `${withZooKeeper('auth: { credentialsFile: zk }')}consul: { tokenFile: consul }\n`;
    const files = { '/etc/sync/zk': 'password', '/etc/sync/consul': '\n' };
    expect(await problemsOf(text, { files })).toMatchObject([
      {
        path: 'zookeeper.auth.credentialsFile',
        message: 'the file has no ":"; allowed for digest: user:password',
      },
      { path: 'consul.tokenFile', message: 'the file is empty' },
    ]);
  });

  it('are named in no message where a secret may have been put in place of the path', async () => {
    const [problem] = await problemsOf(withSections('consul: { tokenFile: 2f6a-secret }'));
    expect(problem?.message).toBe("got [secret]: the file can't be read: no such file");
  });
});
