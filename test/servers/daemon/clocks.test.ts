import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { DaemonProcess } from '../../kit/daemon/daemon-process.js';
import { Staging } from '../../kit/daemon/staging.js';
import { TcpGate } from '../../kit/servers/tcp-gate.js';
import { waitUntil } from '../../kit/servers/wait-until.js';

const HOUR_MS = 3_600_000;
/** Between two writes of which one is to be told as the later one: far more than a clock is measured to. */
const APART_MS = 3_000;
/** The daemon notes each store's progress every 15 seconds. */
const NOTED_MS = 20_000;

interface Conflict {
  readonly key: string;
  readonly winner: string | null;
  readonly rule: string;
  readonly ambiguous: boolean;
}

describe('last writer wins with a ZooKeeper whose clock is wrong', () => {
  let staging: Staging;
  let gate: TcpGate;
  let daemon: DaemonProcess;

  afterEach(async () => {
    await gate.close();
    await staging.dispose();
  });

  /** A daemon that reaches ZooKeeper through a gate, and has measured its clock on a write of its own. */
  async function start(clockAheadMs: number, tieBreak: 'zookeeper' | 'consul'): Promise<void> {
    staging = await Staging.start({ zookeeper: { clockAheadMs } });
    gate = await TcpGate.start(staging.zookeeperServer);
    await staging.consul.put('config/k', 'before');
    await staging.consul.put('config/other', 'before');
    daemon = await staging.startDaemon({ zookeeper: gate.connect, mappings: [{ tieBreak }] });
    await daemon.inSync();
    const stat = (await staging.zookeeper.get('/config/k'))?.stat;
    expect(Math.abs((stat?.mtimeMs ?? 0) - Date.now() - clockAheadMs)).toBeLessThan(60_000);
  }

  async function cutOff(): Promise<void> {
    gate.cut();
    await waitUntil('the daemon to miss ZooKeeper', async () => {
      return !(await daemon.status()).replicas.zookeeper.connected;
    });
  }

  async function conflictAfterReconnect(): Promise<Conflict | undefined> {
    gate.open(staging.zookeeperServer);
    await waitUntil(
      'the conflict to be decided',
      async () => (await daemon.mapping()).conflicts.total === 1,
      {
        timeoutMs: 30_000,
      },
    );
    await daemon.inSync();
    const { conflicts } = await daemon.get<{ conflicts: Conflict[] }>('conflicts?limit=10');
    return conflicts[0];
  }

  it.each([
    [HOUR_MS, 'ahead'],
    [-HOUR_MS, 'behind'],
  ])('by %i ms (%s): the later write wins, on either side, and not the later clock', async (aheadMs) => {
    // An hour ahead, every write in ZooKeeper looks like the later one; an hour behind, like the earlier one.
    const zookeeperIsLater = aheadMs < 0;
    await start(aheadMs, zookeeperIsLater ? 'consul' : 'zookeeper');
    await cutOff();
    if (zookeeperIsLater) {
      await staging.consul.put('config/k', 'the earlier one');
      await sleep(APART_MS);
      await staging.zookeeper.set('/config/k', 'the later one');
    } else {
      await staging.zookeeper.set('/config/k', 'the earlier one');
      await sleep(NOTED_MS);
      await staging.consul.put('config/k', 'the later one');
    }
    await sleep(APART_MS);
    const winner = zookeeperIsLater ? 'zookeeper' : 'consul';
    expect(await conflictAfterReconnect()).toMatchObject({
      key: 'k',
      winner,
      rule: 'last-writer-wins',
      ambiguous: false,
    });
    await staging.zookeeperHolds('/config/k', 'the later one');
    await staging.consulHolds('config/k', 'the later one');
  });

  it('is ambiguous, and up to the tie-break, after a downtime, in which nobody saw when Consul was written', async () => {
    await start(HOUR_MS, 'consul');
    await daemon.stop();
    await staging.consul.put('config/k', 'of Consul');
    await sleep(APART_MS);
    await staging.zookeeper.set('/config/k', 'of ZooKeeper');
    await daemon.start();
    expect(await conflictAfterReconnect()).toMatchObject({
      winner: 'consul',
      rule: 'tie-break',
      ambiguous: true,
    });
    await staging.zookeeperHolds('/config/k', 'of Consul');
  });
});
