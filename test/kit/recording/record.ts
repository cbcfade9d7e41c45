// Makes the recording that the README shows, of real commands between real servers: `npm run recording`.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { builtProgram } from '../daemon/built-program.js';
import { Staging } from '../daemon/staging.js';
import { consulBinary } from '../servers/found-servers.js';
import { waitUntil } from '../servers/wait-until.js';
import { zkCli } from '../servers/zookeeper-server.js';
import { terminalSvg } from './terminal-svg.js';
import type { Moment } from './terminal-svg.js';

const FILE = fileURLToPath(new URL('../../../docs/images/terminal.svg', import.meta.url));
const ENTRIES: Readonly<Record<string, string>> = {
  'app/db/host': 'db1.internal',
  'app/db/pool': '20',
  'app/feature/search': 'on',
  'web/timeout': '30s',
  'web/retries': '3',
};
const COLUMNS = 110;

const bin = await mkdtemp(join(tmpdir(), 'zk-consul-sync-recording-'));
await symlink(builtProgram(), join(bin, 'zk-consul-sync'));
await symlink(consulBinary(), join(bin, 'consul'));
const staging = await Staging.start();
try {
  await writeFile(FILE, terminalSvg('A deletion in ZooKeeper, undone in both stores', await session()));
} finally {
  await staging.dispose();
  await rm(bin, { recursive: true });
}

async function session(): Promise<Moment[]> {
  for (const [key, value] of Object.entries(ENTRIES)) await staging.zookeeper.create(`/config/${key}`, value);
  const daemon = await staging.startDaemon();
  await daemon.inSync();
  const at = daemon.directory;
  const moments: Moment[] = [];
  const run = async (command: string, remark?: string): Promise<void> => {
    moments.push({ remark, command, output: await onTerminal(command, at) });
  };
  const consulLists = `consul kv get -recurse config/app`;
  await run(
    'zk-consul-sync status --config config.yaml',
    'ZooKeeper and Consul have the same configuration.',
  );
  await run(consulLists);
  await zkCli(staging.zookeeperServer, ['deleteall', '/config/app']);
  moments.push({
    remark: 'Somebody deletes a folder in ZooKeeper: it goes in Consul, too ...',
    command: 'zkCli.sh deleteall /config/app',
    output: '',
  });
  await waitUntil(
    'all of it to be gone',
    async () => (await staging.consul.list('config/app/')).length === 0,
  );
  await daemon.inSync();
  await run(consulLists);
  await run(
    'zk-consul-sync trash restore config --folder app --yes --config config.yaml',
    '... and is put back in both.',
  );
  await daemon.inSync();
  await run(consulLists);
  return moments;
}

/** As it looks on a terminal that is wide enough. */
function onTerminal(command: string, directory: string): Promise<string> {
  const line = `stty cols ${COLUMNS}; ${command}`;
  const env = {
    ...process.env,
    PATH: `${bin}:${process.env['PATH'] ?? ''}`,
    CONSUL_HTTP_ADDR: staging.consulServer.address,
    TERM: 'xterm-256color',
    SHELL: '/bin/sh',
  };
  return new Promise((resolve, reject) => {
    execFile(
      'script',
      ['-qec', line, '/dev/null'],
      { cwd: directory, env, timeout: 60_000 },
      (error, stdout) => {
        if (error === null) resolve(stdout);
        else reject(new Error(`${command} ended badly: ${stdout}`, { cause: error }));
      },
    );
  });
}
