import { readFile } from 'node:fs/promises';
import { DaemonProcess } from '../../kit/daemon/daemon-process.js';
import type { ConsulServer } from '../../kit/servers/consul-server.js';
import type { ZooKeeperServer } from '../../kit/servers/zookeeper-server.js';
import { waitUntil } from '../../kit/servers/wait-until.js';
import { CONSUL_PREFIX, ZOOKEEPER_ROOT } from '../stores.js';

const HOUR_MS = 3_600_000;
/** Being asked for its status every few milliseconds would be a tenth of the daemon's work. */
const ASKED_EVERY_MS = 100;

/**
 * The daemon as it is shipped, with the archive on disk and a log as in production.
 * @param limits of what it writes; as fast as the stores take it, without
 */
export async function startDaemon(
  zookeeper: ZooKeeperServer,
  { address }: { readonly address: ConsulServer['address'] },
  limits: Readonly<Record<string, { readonly writesPerSecond: number }>> = {},
): Promise<DaemonProcess> {
  return DaemonProcess.start({
    zookeeper: zookeeper.connect,
    consul: address,
    mappings: [{ zookeeper: ZOOKEEPER_ROOT, consul: CONSUL_PREFIX.slice(0, -1) }],
    config: { log: { level: 'info' }, zookeeper: { sessionTimeout: '15s' }, limits },
  });
}

/** Waits until the mapping says that both sides are equal and hold so many entries. */
export async function inSync(daemon: DaemonProcess, entries: number): Promise<void> {
  await waitUntil(
    `${entries} entries in sync`,
    async () => {
      const mapping = await daemon.mapping();
      return mapping.inSync && mapping.entries === entries;
    },
    { timeoutMs: HOUR_MS, everyMs: ASKED_EVERY_MS },
  );
}

/** Memory that is the process's own, in MB: without the archive's mapped pages, which the system can drop. */
export async function privateMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1]) / 1_024;
}
