import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DaemonProcess } from '../../kit/daemon/daemon-process.js';
import { Staging } from '../../kit/daemon/staging.js';
import { waitUntil } from '../../kit/servers/wait-until.js';
import { command } from '../cli/command.js';

const ADMIN = 31;
const OPEN = [{ permissions: ADMIN, scheme: 'world', id: 'anyone' }];
/** The tests come from there, as does the daemon: it may read what not everybody may. */
const LOCAL = [{ permissions: ADMIN, scheme: 'ip', id: '127.0.0.1' }];

let staging: Staging;
let daemon: DaemonProcess;

beforeEach(async () => {
  staging = await Staging.start();
  await staging.zookeeper.create('/config/open', '1');
  await staging.zookeeper.create('/config/secret', 'secret', { acl: LOCAL });
});
afterEach(() => staging.dispose());

async function skipped(): Promise<readonly { readonly key: string; readonly reason: string }[]> {
  return (await daemon.mapping()).skipped;
}

describe('znodes that not everybody may read', () => {
  it('are left out with restricted: skip, listed, and never deleted for it', async () => {
    daemon = await staging.startDaemon({ mappings: [{ restricted: 'skip', verifyEvery: '1s' }] });
    await daemon.inSync();
    await staging.consulHolds('config/open', '1');
    expect(await staging.consul.get('config/secret')).toBeUndefined();
    expect(await skipped()).toEqual([{ key: 'secret', reason: 'read-restricted' }]);
    const metrics = await (await fetch(`${daemon.adminUrl}/metrics`)).text();
    expect(metrics).toMatch(/skipped_entries\{mapping="config",reason="read-restricted"\} 1/);
    const { code, stdout } = await command('diff', '--config', daemon.configFile);
    expect(stdout).toContain('equal, 2 keys compared, 1 left out that not everybody may read');
    expect(code).toBe(0);

    // S4: restricted later: what was copied stays, and nothing is carried over any more.
    await staging.zookeeper.setAcl('/config/open', LOCAL);
    await staging.zookeeper.set('/config/open', 'secret now');
    await waitUntil('both to be left out', async () => {
      expect((await skipped()).map(({ key }) => key).sort()).toEqual(['open', 'secret']);
      return true;
    });
    expect((await staging.consul.get('config/open'))?.value?.toString()).toBe('1');

    // Opened again: found by the next look.
    await staging.zookeeper.setAcl('/config/secret', OPEN);
    await staging.consulHolds('config/secret', 'secret');
    // Deleted: the copy goes with it.
    await staging.zookeeper.remove('/config/open');
    await staging.consulHolds('config/open', undefined);
    await daemon.inSync();
    expect(await skipped()).toEqual([]);
  });

  it('are left out also where the daemon had made them, and what a person orders does not touch them', async () => {
    await staging.consul.put('config/copied', '1');
    await staging.consul.put('config/parent2/below', '3');
    daemon = await staging.startDaemon({ mappings: [{ restricted: 'skip', verifyEvery: '1s' }] });
    await daemon.inSync();
    for (const key of ['copied', 'parent2']) {
      await staging.zookeeper.setAcl(`/config/${key}`, LOCAL);
      await staging.zookeeper.set(`/config/${key}`, 'secret now');
    }
    await waitUntil('both to be left out', async () => {
      expect((await skipped()).map(({ key }) => key).sort()).toEqual(['copied', 'parent2', 'secret']);
      return true;
    });
    expect((await staging.consul.get('config/copied'))?.value?.toString()).toBe('1');
    expect(await staging.consul.get('config/parent2')).toBeUndefined();

    // A conflict of the time before.
    await staging.zookeeper.set('/config/open', 'before');
    await staging.consulHolds('config/open', 'before');
    await daemon.stop();
    await staging.zookeeper.set('/config/open', 'of zookeeper');
    await staging.consul.put('config/open', 'of consul');
    await daemon.start();
    await daemon.inSync();
    await staging.consulHolds('config/open', 'of zookeeper');
    await staging.zookeeper.setAcl('/config/open', LOCAL);
    await staging.zookeeper.set('/config/open', 'secret too');
    const resolved = await command(
      'conflicts',
      'resolve',
      'config',
      '1',
      '--keep',
      'consul',
      '--yes',
      '--config',
      daemon.configFile,
    );
    expect(resolved.stderr).toContain('not everybody may read it in zookeeper (restricted: skip)');
    expect(resolved.code).toBe(1);
    expect((await staging.zookeeper.get('/config/open'))?.data?.toString()).toBe('secret too');
  });

  it('are carried over otherwise, and check warns of it', async () => {
    daemon = await staging.startDaemon();
    await daemon.inSync();
    await staging.consulHolds('config/secret', 'secret');
    const { code, stdout } = await command('check', '--config', daemon.configFile);
    expect(stdout).toMatch(
      /^warn +config +1 of 2 znodes that were looked at may not be read by everybody \(first of all \/config\/secret\)/m,
    );
    expect(code).toBe(0);
  });
});
