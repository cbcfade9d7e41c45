import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DaemonProcess } from '../../kit/daemon/daemon-process.js';
import { Staging } from '../../kit/daemon/staging.js';
import { useBrowser } from './opened-page.js';

/** As many as the guard of deletions looks at. */
const ENTRIES = 30;

describe('the status page of a running daemon', () => {
  const { open } = useBrowser();
  let staging: Staging;
  let daemon: DaemonProcess;

  beforeAll(async () => {
    staging = await Staging.start();
    for (let at = 0; at < ENTRIES; at++) await staging.consul.put(`config/bulk/k${at}`, 'same');
    daemon = await staging.startDaemon({ config: { canary: { enabled: true, every: '1s' } } });
    await daemon.inSync();
  });
  afterAll(() => staging.dispose());

  it('shows a write with where it came from, and explains its key', async () => {
    const { page, complaints } = await open(daemon.adminUrl);
    await page.getByText('Both sides are equal').waitFor();
    await page.getByText(/^to Consul .*m?s, .+; to ZooKeeper .*m?s, .+$/).waitFor();
    await staging.zookeeper.create('/config/fresh', 'one');
    await staging.consulHolds('config/fresh', 'one');
    const row = page.getByRole('row').filter({ hasText: 'fresh' });
    await row.waitFor();
    expect(await row.textContent()).toMatch(/fresh\s*create\s*ZooKeeper → Consul\s*changed there\s*applied/);
    await page.getByLabel('Key, relative to the mapping').fill('fresh');
    await page.getByRole('button', { name: 'Explain' }).click();
    await page.getByText('both sides are as they were agreed on').waitFor();
    expect(complaints).toEqual([]);
  });

  it('lets a mass deletion pass that somebody approves there, and not before', async () => {
    const { page } = await open(daemon.adminUrl);
    for (let at = 0; at < ENTRIES; at++) await staging.consul.delete(`config/bulk/k${at}`);
    // The first of them are few enough to pass.
    await expect
      .poll(() => daemon.get(`explain?key=bulk/k${ENTRIES - 1}`), { timeout: 20_000 })
      .toMatchObject({ mark: { kind: 'held-deletion' } });
    await page.getByRole('button', { name: 'Let these pass …' }).click();
    expect(await staging.zookeeper.get(`/config/bulk/k${ENTRIES - 1}`)).toBeDefined();
    await page.getByLabel('Type config to go on').fill('config');
    await page.getByRole('dialog').getByRole('button', { name: 'Approve' }).click();
    await staging.zookeeperHolds(`/config/bulk/k${ENTRIES - 1}`, undefined);
    await page.getByRole('cell', { name: 'deleted there' }).first().waitFor();
  });

  it('pauses and resumes', async () => {
    const { page } = await open(daemon.adminUrl);
    for (const verb of ['Pause', 'Resume']) {
      await page.getByRole('button', { name: verb }).click();
      await page.getByRole('dialog').getByRole('button', { name: verb }).click();
      const state = verb === 'Pause' ? 'paused' : 'live';
      await expect.poll(async () => (await daemon.mapping()).state, { timeout: 20_000 }).toBe(state);
    }
  });

  it('brings back the value that lost a conflict, on both sides, for somebody who asks for it twice', async () => {
    await staging.zookeeper.create('/config/fought-for', 'agreed');
    await staging.consulHolds('config/fought-for', 'agreed');
    await daemon.post('pause');
    await staging.consul.put('config/fought-for', 'the earlier one');
    await staging.zookeeper.set('/config/fought-for', 'the later one');
    await daemon.post('resume');
    await staging.consulHolds('config/fought-for', 'the later one');

    const { page, complaints } = await open(daemon.adminUrl);
    const { conflicts } = await daemon.get<{ conflicts: { key: string; winner: string }[] }>('conflicts');
    expect(conflicts).toMatchObject([{ key: 'fought-for', winner: 'zookeeper' }]);
    await page.getByText('fought-for').first().click();
    const loser = page.getByRole('button', { name: 'Keep the value of Consul instead' });
    await loser.click();
    expect((await staging.consul.get('config/fought-for'))?.value.toString()).toBe('the later one');
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
    await loser.click();
    await page.getByRole('dialog').getByRole('button', { name: 'Keep' }).click();
    await staging.consulHolds('config/fought-for', 'the earlier one');
    await staging.zookeeperHolds('/config/fought-for', 'the earlier one');
    // What it replaced is in the journal in its turn.
    await expect
      .poll(async () => (await daemon.get<{ conflicts: unknown[] }>('conflicts')).conflicts.length, {
        timeout: 20_000,
      })
      .toBe(2);
    expect(await daemon.inSync()).toMatchObject({ holds: [], conflicts: { open: 0 } });
    expect(complaints).toEqual([]);
  });
});
