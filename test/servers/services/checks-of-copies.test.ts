import { describe, expect, it } from 'vitest';
import { waitUntil } from '../../kit/servers/wait-until.js';
import { Bridge, curatorInstance, LIST } from './bridged.js';

const NODE = 'zk-consul-sync-default';
const CHECK = { Node: NODE, CheckID: `registered:${LIST}/web/1` };
const TIMEOUT_MS = 60_000;

describe('the check of a copy', { timeout: TIMEOUT_MS }, () => {
  it('is put back when somebody sets it, or takes it away, and the journal tells', async () => {
    const bridge = await bridgeWithCopy();
    await change(bridge, 'set', 'critical');
    await bridge.consulShows('web', ['10.0.0.7:70']);
    await bridge.daemon.inSync(LIST);
    await change(bridge, 'delete');
    await waitUntil('it to be there again', async () => (await statuses(bridge)).join() === 'passing');
    await change(bridge, 'set', 'warning');
    await bridge.consulShows('web', ['10.0.0.7:70']);
    const { conflicts, holds, skippedTotal } = await bridge.daemon.inSync(LIST);
    // Of what looks the same each time, there is one entry.
    expect({ conflicts, holds, skippedTotal }).toEqual({
      conflicts: { open: 0, total: 1 },
      holds: [],
      skippedTotal: 0,
    });
  });

  it('L3: is put back also where it was changed while the daemon was away', async () => {
    const bridge = await bridgeWithCopy();
    await bridge.daemon.kill();
    await change(bridge, 'set', 'critical');
    await bridge.daemon.start();
    await bridge.consulShows('web', ['10.0.0.7:70']);
    await bridge.daemon.inSync(LIST);
  });

  it('is left alone, and the copy held, when somebody goes on setting it', async () => {
    const bridge = await bridgeWithCopy();
    for (let round = 1; round <= 8; round++) {
      await change(bridge, 'set', 'critical');
      await bridge.consulShows('web', ['10.0.0.7:70']);
      await bridge.daemon.inSync(LIST);
    }
    await change(bridge, 'set', 'critical');
    await waitUntil('the copy to be held', async () => {
      const { conflicts } = await bridge.daemon.mapping(LIST);
      return conflicts.open === 1;
    });
    expect(await statuses(bridge)).toEqual(['critical']);
  });
});

async function bridgeWithCopy(): Promise<Bridge> {
  const bridge = await Bridge.start();
  await bridge.registerInZooKeeper('/services/web/1', curatorInstance('web', '1', '10.0.0.7', 70));
  await bridge.consulShows('web', ['10.0.0.7:70']);
  await bridge.daemon.inSync(LIST);
  return bridge;
}

/** As somebody does by hand. */
async function change(bridge: Bridge, verb: 'set' | 'delete', status?: string): Promise<void> {
  const more = verb === 'set' ? { Name: 'by hand', ServiceID: `${LIST}/web/1`, Status: status } : {};
  await bridge.user.transact([{ Check: { Verb: verb, Check: { ...CHECK, ...more } } }]);
}

async function statuses(bridge: Bridge): Promise<readonly string[]> {
  return (await bridge.user.instances('web')).flatMap((instance) => instance.statuses);
}
