import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CertificateAuthority } from '../../kit/certificates.js';
import type { Certificate } from '../../kit/certificates.js';
import { Staging } from '../../kit/daemon/staging.js';
import { freePorts } from '../../kit/servers/free-ports.js';
import { watchdog } from '../../kit/servers/watchdog.js';

const HOUR_MS = 60 * 60 * 1000;

/** The `tls` section of a store. */
export interface TlsSection {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly serverName?: string;
}

/** Two real stores that speak TLS and ask their clients for certificates; the tests' own clients go in without. */
export class TlsStores {
  private constructor(
    readonly folder: string,
    readonly staging: Staging,
    readonly zookeeper: string,
    readonly consul: string,
    readonly authority: CertificateAuthority,
  ) {}

  static async start(): Promise<TlsStores> {
    const folder = await mkdtemp(join(tmpdir(), 'zk-consul-sync-tls-'));
    watchdog.guardFolder(folder);
    const file = (name: string) => join(folder, name);
    const authority = new CertificateAuthority('authority of the tests');
    const stranger = new CertificateAuthority('another authority');
    const expired = { validFromMs: -2 * HOUR_MS, validToMs: -HOUR_MS };
    const write = async (name: string, { certPem, keyPem }: Certificate) => {
      await writeFile(file(`${name}.pem`), certPem);
      await writeFile(file(`${name}.key`), keyPem, { mode: 0o600 });
    };
    await writeFile(file('ca.pem'), authority.certPem);
    await writeFile(file('other-ca.pem'), stranger.certPem);
    await write('client', authority.issue({ commonName: 'daemon' }));
    await write('expired-client', authority.issue({ commonName: 'daemon', ...expired }));
    await write('strange-client', stranger.issue({ commonName: 'daemon' }));
    const server = authority.issue({ commonName: 'stores', names: ['127.0.0.1', 'stores.test'] });
    await write('server', server);
    // Java wants both in one file.
    await writeFile(file('server-both.pem'), server.certPem + server.keyPem, { mode: 0o600 });

    const [secure = 0, http = 0, https = 0, rpc = 0, serf = 0] = await freePorts(5);
    const staging = await Staging.start({
      zookeeper: { extraConfig: secureZooKeeper(secure, file) },
      consul: {
        port: http,
        config: {
          ports: { http, https, server: rpc, serf_lan: serf, serf_wan: -1, dns: -1, grpc: -1 },
          verify_incoming: true,
          ca_file: file('ca.pem'),
          cert_file: file('server.pem'),
          key_file: file('server.key'),
        },
      },
    });
    return new TlsStores(folder, staging, `127.0.0.1:${secure}`, `https://127.0.0.1:${https}`, authority);
  }

  /** What both stores accept, as the section of the configuration; parts of it can be others or none. */
  tls(change: Partial<Record<keyof TlsSection, string | undefined>> = {}): TlsSection {
    const all = { ca: 'ca.pem', cert: 'client.pem', key: 'client.key', ...change };
    const files = Object.entries(all).filter(([, name]) => name !== undefined) as [string, string][];
    return Object.fromEntries(
      files.map(([setting, name]) => [setting, setting === 'serverName' ? name : join(this.folder, name)]),
    );
  }

  /** A server's certificate and key that clients of these stores would trust, unless it is of another time. */
  serverCertificate(times: { validFromMs?: number; validToMs?: number } = {}): Certificate {
    return this.authority.issue({ commonName: 'stores', ...times });
  }

  async dispose(): Promise<void> {
    await this.staging.dispose();
    await rm(this.folder, { recursive: true, force: true });
    watchdog.releaseFolder(this.folder);
  }
}

function secureZooKeeper(port: number, file: (name: string) => string): Record<string, string> {
  return {
    secureClientPort: String(port),
    secureClientPortAddress: '127.0.0.1',
    serverCnxnFactory: 'org.apache.zookeeper.server.NettyServerCnxnFactory',
    'ssl.keyStore.location': file('server-both.pem'),
    'ssl.keyStore.type': 'PEM',
    'ssl.trustStore.location': file('ca.pem'),
    'ssl.trustStore.type': 'PEM',
    'ssl.clientAuth': 'need',
  };
}
