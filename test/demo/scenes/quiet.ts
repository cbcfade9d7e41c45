import { setTimeout as sleep } from 'node:timers/promises';
import { waitUntil } from '../../kit/servers/wait-until.js';
import type { Report } from '../report.js';
import type { Stage } from '../stage.js';

/** After foreign changes the ledgers follow within a second. */
const SETTLE_MS = 1_500;
const QUIET_MS = 4_000;

/** The daemon's own `sessionTimeout`, and time to spare. */
const SESSION_END_MS = 60_000;

/** Nobody writes, so nothing is written: not even by an echo of the daemon's own writes. */
export async function showQuiet(stage: Stage, report: Report): Promise<void> {
  report.scene('Quiet: when no client writes, nothing is written');
  await stage.daemon.inSync();
  // That it ends is a write of ZooKeeper's own.
  await waitUntil('the session of the killed daemon to end', () => everySessionIsConnected(stage), {
    timeoutMs: SESSION_END_MS,
  });
  await sleep(SETTLE_MS);
  const before = await counters(stage);
  await sleep(QUIET_MS);
  const after = await counters(stage);
  const seconds = `${String(QUIET_MS / 1000)} s`;
  report.check("ZooKeeper's zxid, which counts all writes, stands still", before.zxid, after.zxid, seconds);
  report.check("so does the index of Consul's whole KV store", before.index, after.index, seconds);
}

async function everySessionIsConnected({ zookeeperServer }: Stage): Promise<boolean> {
  const [metrics, connections] = await Promise.all([
    zookeeperServer.fourLetterCommand('mntr'),
    zookeeperServer.fourLetterCommand('cons'),
  ]);
  const sessions = Number(/^zk_global_sessions\t(\d+)$/m.exec(metrics)?.[1]);
  const connected = [...connections.matchAll(/\bsid=0x[0-9a-f]+/g)].length;
  return sessions === connected;
}

async function counters(stage: Stage): Promise<{ zxid: string; index: string }> {
  const zxid = /Zxid: (0x[0-9a-f]+)/.exec(await stage.zookeeperServer.fourLetterCommand('srvr'))?.[1];
  const { headers } = await stage.consul.request('GET', '/v1/kv/?keys&separator=/&consistent');
  const index = headers.get('x-consul-index');
  if (zxid === undefined || index === null) throw new Error('a store does not tell how far it has come');
  return { zxid, index };
}
