import { createHash } from 'node:crypto';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { DaemonProcess } from '../kit/daemon/daemon-process.js';
import { startConsul, type ConsulServer } from '../kit/servers/consul-server.js';
import { javaBinary, zooKeeperClassPath } from '../kit/servers/found-servers.js';
import { RawConsul } from '../kit/servers/raw-consul.js';
import { RawZooKeeper } from '../kit/servers/raw-zookeeper.js';
import { watchdog } from '../kit/servers/watchdog.js';
import { startZooKeeper, type ZooKeeperServer } from '../kit/servers/zookeeper-server.js';
import type { Report } from './report.js';
import { inMs } from './report.js';

/** The list of services, beside the example's mapping. */
export const SERVICES = 'services';
const EXAMPLE = new URL('../../config.example.yaml', import.meta.url);

/** Entries of one side by key; values by their SHA-256, so that binary ones compare as well. */
export type Entries = Readonly<Record<string, string>>;

/** Two real servers, clients of the demo's own to both, and the daemon between them. */
export class Stage {
  private daemonProcess: DaemonProcess | undefined;

  private constructor(
    readonly zookeeperServer: ZooKeeperServer,
    readonly consulServer: ConsulServer,
    readonly zookeeper: RawZooKeeper,
    readonly consul: RawConsul,
  ) {}

  /** @param dispose is told at once of whatever has to be cleaned up, also when a later step fails */
  static async start(report: Report, dispose: (cleanUp: () => Promise<unknown>) => void): Promise<Stage> {
    const startedMs = performance.now();
    const took = (): string => inMs(performance.now() - startedMs);
    const [zookeeperServer, consulServer] = await Promise.all([
      startZooKeeper().then(async (server) => {
        dispose(() => server.dispose());
        const version = /version: ([\d.]+)/.exec(await server.fourLetterCommand('srvr'))?.[1];
        report.note(`ZooKeeper ${version ?? '(unknown version)'} at ${server.connect}, started in ${took()}`);
        return server;
      }),
      startConsul({ dns: true }).then(async (server) => {
        dispose(() => server.dispose());
        const self = (await (await fetch(`${server.address}/v1/agent/self`)).json()) as AgentSelf;
        report.note(`Consul ${self.Config.Version} at ${server.address}, started in ${took()}`);
        return server;
      }),
    ]);
    const zookeeper = await RawZooKeeper.connect(zookeeperServer);
    dispose(() => zookeeper.close());
    const stage = new Stage(zookeeperServer, consulServer, zookeeper, new RawConsul(consulServer));
    dispose(async () => stage.daemonProcess?.dispose());
    return stage;
  }

  get daemon(): DaemonProcess {
    if (this.daemonProcess === undefined) throw new Error('the daemon was not started yet');
    return this.daemonProcess;
  }

  /** Starts the daemon for the first time; it is started again by itself. */
  async startDaemon(): Promise<void> {
    this.daemonProcess = await DaemonProcess.start({
      zookeeper: this.zookeeperServer.connect,
      consul: this.consulServer.address,
      ...(await exampleSettings()),
      services: [{ name: SERVICES, zookeeper: '/services', format: 'curator', removeAfter: '1s' }],
    });
    watchdog.guardFolder(this.daemonProcess.directory);
  }

  /** The znode's value as text, or undefined where there is none. */
  async inZooKeeper(key: string): Promise<string | undefined> {
    return (await this.zookeeper.get(`/config/${key}`))?.data?.toString();
  }

  async inConsul(key: string): Promise<string | undefined> {
    return (await this.consul.get(`config/${key}`))?.value.toString();
  }

  /** Everything that is an entry below /config: not the inner znodes without data. */
  async zookeeperEntries(below = ''): Promise<Entries> {
    const found: [string, Uint8Array | null][] = [];
    const visit = async (path: string): Promise<void> => {
      const znode = await this.zookeeper.get(path);
      if (znode === undefined) return;
      const { dataLength, numChildren } = znode.stat;
      const isEntry = path !== '/config' && (numChildren === 0 || dataLength > 0);
      if (isEntry) found.push([path.slice('/config/'.length), znode.data]);
      const names = numChildren === 0 ? [] : await this.zookeeper.children(path);
      await Promise.all(names.map((name) => visit(`${path}/${name}`)));
    };
    await visit(below === '' ? '/config' : `/config/${below}`);
    return entriesOf(found);
  }

  async consulEntries(below = ''): Promise<Entries> {
    const found = await this.consul.list(below === '' ? 'config/' : `config/${below}/`);
    return entriesOf(found.map(({ key, value }) => [key.slice('config/'.length), value]));
  }

  /** A script beside the configuration that runs ZooKeeper's own command line. */
  async writeZkCli(): Promise<string> {
    const file = join(this.daemon.directory, 'zkCli');
    const command = [
      ...[javaBinary(), '-Dorg.slf4j.simpleLogger.defaultLogLevel=off', '-cp', zooKeeperClassPath('3.8')],
      ...['org.apache.zookeeper.ZooKeeperMain', '-server', this.zookeeperServer.connect],
    ];
    await writeFile(file, `#!/bin/sh\nexec ${command.map(quoted).join(' ')} "$@"\n`);
    await chmod(file, 0o755);
    return file;
  }
}

interface AgentSelf {
  readonly Config: { readonly Version: string };
}

type Section = Readonly<Record<string, unknown>>;

/** config.example.yaml as it is, but for where the stores, the archive and the admin server are. */
async function exampleSettings(): Promise<{ mappings: Section[]; config: Record<string, Section | string> }> {
  const example = parse(await readFile(EXAMPLE, 'utf8')) as Record<string, Section | string> & {
    readonly mappings: Section[];
  };
  const { mappings, ...config } = example;
  const places = { zookeeper: 'connect', consul: 'address', archive: 'path', admin: 'listen' };
  for (const [section, place] of Object.entries(places)) {
    const settings = Object.entries(config[section] ?? {}).filter(([name]) => name !== place);
    config[section] = Object.fromEntries(settings);
  }
  return { mappings, config };
}

export function digestOf(value: Uint8Array | null): string {
  return createHash('sha256')
    .update(value ?? new Uint8Array())
    .digest('hex');
}

/** The keys that only one of the two has, or that have another value there. */
export function differing(a: Entries, b: Entries): readonly string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((key) => a[key] !== b[key]);
}

export function entriesOf(values: readonly (readonly [string, Uint8Array | null])[]): Entries {
  const entries = values.map(([key, value]) => [key, digestOf(value)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
