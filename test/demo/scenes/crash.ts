import type { Report } from '../report.js';
import { inMs } from '../report.js';
import type { Stage } from '../stage.js';
import { differing } from '../stage.js';
import { waitUntil } from '../../kit/servers/wait-until.js';

/** Later deleted again, all at once: see mass-deletion.ts. */
export const BULK_ENTRIES = 1_000;

/** `kill -9` in the middle of a copy. */
export async function showCrash(stage: Stage, report: Report): Promise<void> {
  report.scene(`Crash: kill -9 while ${String(BULK_ENTRIES)} new entries are being copied`);
  const conflictsBefore = (await stage.daemon.mapping()).conflicts.total;
  await stage.zookeeper.create('/config/bulk', 'about all that is below');
  await stage.zookeeper.multi(
    Array.from({ length: BULK_ENTRIES }, (_, number) => ({
      kind: 'create' as const,
      path: `/config/bulk/entry-${String(number).padStart(4, '0')}`,
      data: `value of entry ${String(number)}`,
    })),
  );
  await waitUntil('the copy to begin', async () => (await copied(stage)) > 0);
  await stage.daemon.kill();
  report.note(`killed when Consul had ${String(await copied(stage))} of them; started again`);
  const startingMs = performance.now();
  await stage.daemon.start();
  const mapping = await stage.daemon.inSync();
  const tookMs = performance.now() - startingMs;
  const [zookeeper, consul] = await Promise.all([stage.zookeeperEntries(), stage.consulEntries()]);
  report.check(
    `Consul has all ${String(BULK_ENTRIES)}, and every entry is the same on both sides`,
    { copied: BULK_ENTRIES, differing: [] },
    { copied: await copied(stage), differing: differing(zookeeper, consul) },
    inMs(tookMs),
  );
  report.check('no write of its own was taken for a conflict', conflictsBefore, mapping.conflicts.total);
}

async function copied(stage: Stage): Promise<number> {
  return (await stage.consul.list('config/bulk/')).length;
}
