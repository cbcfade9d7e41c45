import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TlsOptions } from '../../../src/consul/client-seam.js';
import { ConsulClient } from '../../../src/consul/consul-client.js';
import { create, mustApply, present, write } from '../../kit/replica-contract.js';
import { startConsul } from '../../kit/servers/consul-server.js';
import type { ConsulServer } from '../../kit/servers/consul-server.js';
import { consulBinary } from '../../kit/servers/found-servers.js';
import { freePorts } from '../../kit/servers/free-ports.js';
import { NEVER, replicaOf } from './replica-fixture.js';

let folder: string;
let server: ConsulServer;
let httpsPort: number;

const run = promisify(execFile);
const pem = (name: string) => readFile(join(folder, name), 'utf8');

/** A server that asks its clients for certificates, all made by Consul's own tool. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'consul-tls-'));
  const tls = (...parameters: string[]) => run(consulBinary(), ['tls', ...parameters], { cwd: folder });
  await tls('ca', 'create');
  await tls('cert', 'create', '-server', '-dc', 'dc1');
  await tls('cert', 'create', '-client', '-dc', 'dc1');
  const [http = 0, https = 0, rpc = 0, serf = 0] = await freePorts(4);
  httpsPort = https;
  server = await startConsul({
    port: http,
    config: {
      ports: { http, https, server: rpc, serf_lan: serf, serf_wan: -1, dns: -1, grpc: -1 },
      verify_incoming_https: true,
      ca_file: join(folder, 'consul-agent-ca.pem'),
      cert_file: join(folder, 'dc1-server-consul-0.pem'),
      key_file: join(folder, 'dc1-server-consul-0-key.pem'),
    },
  });
});

afterAll(async () => {
  await server.dispose();
  await rm(folder, { recursive: true });
});

async function clientWith(tls: (keyof TlsOptions)[], serverName?: string): Promise<ConsulClient> {
  const all = {
    ca: await pem('consul-agent-ca.pem'),
    cert: await pem('dc1-client-consul-0.pem'),
    key: await pem('dc1-client-consul-0-key.pem'),
  };
  const chosen = Object.fromEntries(
    Object.entries(all).filter(([name]) => tls.includes(name as keyof TlsOptions)),
  );
  return new ConsulClient({
    address: new URL(`https://127.0.0.1:${httpsPort}`),
    tls: { ...chosen, serverName },
  });
}

describe('TLS', () => {
  it('a client certificate and a server name of the cluster get through', async () => {
    const client = await clientWith(['ca', 'cert', 'key'], 'server.dc1.consul');
    const replica = replicaOf(client);
    mustApply(await write(replica, [create('a', 'v')]));
    expect((await present(replica, 'a')).value.length).toBe(1);
    client.close();
  });

  it('S5: a server whose certificate bears another name is not trusted, and was sent nothing', async () => {
    const client = await clientWith(['ca', 'cert', 'key'], 'elsewhere.example');
    const outcome = await write(replicaOf(client), [create('a', 'v')]);
    expect(outcome).toMatchObject({
      kind: 'retriable',
      cause: { code: 'STORE_UNREACHABLE', message: expect.stringContaining('serverName') as string },
    });
    client.close();
  });

  it('S5: a server of an unknown authority is not trusted, and was sent nothing', async () => {
    const client = await clientWith(['cert', 'key']);
    const outcome = await write(replicaOf(client), [create('a', 'v')]);
    expect(outcome).toMatchObject({
      kind: 'retriable',
      cause: { code: 'STORE_UNREACHABLE', message: expect.stringContaining('consul.tls.ca') as string },
    });
    client.close();
  });

  it('without the certificate that the server asks for, nothing is read', async () => {
    const client = await clientWith(['ca']);
    await expect(replicaOf(client).read(['a'], NEVER)).rejects.toMatchObject({ retriable: true });
    client.close();
  });

  it('plain HTTP to the TLS port is called what it is', async () => {
    const client = new ConsulClient({ address: new URL(`http://127.0.0.1:${httpsPort}`) });
    await expect(replicaOf(client).read(['a'], NEVER)).rejects.toMatchObject({
      code: 'STORE_PROTOCOL',
      message: expect.stringContaining('HTTPS') as string,
    });
    client.close();
  });
});
