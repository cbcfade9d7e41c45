import { waitUntil } from '../../kit/servers/wait-until.js';
import type { Report } from '../report.js';
import { arrival, inMs } from '../report.js';
import type { Stage } from '../stage.js';
import { differing } from '../stage.js';
import { BULK_ENTRIES } from './crash.js';

/** Somebody deletes a folder too many. */
export async function showMassDeletion(stage: Stage, report: Report): Promise<void> {
  report.scene('A mass deletion is held until a person approves it');
  const before = await stage.zookeeperEntries();
  report.note('a client of Consul deletes everything below config/bulk/, in one transaction');
  await stage.consul.deleteTree('config/bulk/');
  const { state } = await stage.daemon.held('mass-deletion');
  report.check('the mapping is held', 'held', state);
  await allHeld(stage);
  const { holds } = await stage.daemon.mapping();
  for (const { reason, detail } of holds) report.note(`  ${reason}: ${detail}`);
  const kept = differing(before, await stage.zookeeperEntries());
  report.check(`ZooKeeper still has all ${String(BULK_ENTRIES)} of them`, [], kept);

  await stage.zookeeper.create('/config/added-meanwhile', 'new');
  const added = await arrival(() => stage.inConsul('added-meanwhile'), 'new');
  report.check('other changes go on meanwhile', 'new', added.value, inMs(added.tookMs));

  report.note('an operator approves: POST /api/v1/mappings/config/approve');
  const approvedMs = performance.now();
  await stage.daemon.post('approve');
  const mapping = await stage.daemon.inSync();
  const tookMs = performance.now() - approvedMs;
  const [zookeeper, consul] = await Promise.all([stage.zookeeperEntries(), stage.consulEntries()]);
  report.check(
    'approved: they are gone from ZooKeeper',
    [],
    Object.keys(zookeeper).filter(isBulk),
    inMs(tookMs),
  );
  report.check(
    'and nothing else: both sides are equal, and the mapping is live',
    { state: 'live', differing: [], lost: [] },
    { state: mapping.state, differing: differing(zookeeper, consul), lost: lostOf(before, zookeeper) },
  );
}

/** The deletions are held a few hundred at a time; approval is for those held by then. */
async function allHeld(stage: Stage): Promise<void> {
  const last = `bulk/entry-${String(BULK_ENTRIES - 1).padStart(4, '0')}`;
  await waitUntil('all deletions to be held', async () => {
    const explanation = await stage.daemon.get<{ mark: { kind: string } | null }>(`explain?key=${last}`);
    return explanation.mark?.kind === 'held-deletion';
  });
}

function isBulk(key: string): boolean {
  return key.startsWith('bulk/');
}

function lostOf(before: Readonly<Record<string, string>>, after: Readonly<Record<string, string>>): string[] {
  return Object.keys(before).filter((key) => !isBulk(key) && after[key] !== before[key]);
}
