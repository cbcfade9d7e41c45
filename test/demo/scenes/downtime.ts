import type { Report } from '../report.js';
import { arrival, inMs } from '../report.js';
import type { Stage } from '../stage.js';

/** As GET .../conflicts/ID answers, as far as it is shown; see docs/http-api.md. */
interface ConflictAnswer {
  readonly id: number;
  readonly key: string;
  readonly kind: string;
  readonly winner: 'zookeeper' | 'consul' | null;
  readonly rule: string;
  readonly ambiguous: boolean;
  readonly zookeeper: ConflictSide;
  readonly consul: ConflictSide;
}

interface ConflictSide {
  readonly value: { readonly utf8: string | null } | null;
  readonly written: { readonly earliest: string | null; readonly latest: string | null };
}

const DELETED = ['down/deleted-in-zookeeper', 'down/deleted-in-consul'];
const AGREED = [...DELETED, 'down/updated-in-zookeeper', 'down/updated-in-consul', 'down/both'];

/** Both sides change while the daemon is not there to see it. */
export async function showDowntime(stage: Stage, report: Report): Promise<void> {
  report.scene('Downtime: both sides change while the daemon is stopped');
  for (const key of AGREED) await stage.zookeeper.create(`/config/${key}`, 'as agreed');
  for (const key of AGREED) await arrival(() => stage.inConsul(key), 'as agreed');
  await stage.daemon.inSync();
  const stoppingMs = performance.now();
  const code = await stage.daemon.stop();
  report.check('SIGTERM: it ends in good order, exit code 0', 0, code, inMs(performance.now() - stoppingMs));

  await stage.zookeeper.create('/config/down/created-in-zookeeper', 'new');
  await stage.consul.put('config/down/created-in-consul', 'new');
  await stage.zookeeper.set('/config/down/updated-in-zookeeper', 'changed');
  await stage.consul.put('config/down/updated-in-consul', 'changed');
  await stage.zookeeper.remove('/config/down/deleted-in-zookeeper');
  await stage.consul.delete('config/down/deleted-in-consul');
  await stage.zookeeper.set('/config/down/both', 'what a client of ZooKeeper wrote');
  await stage.consul.put('config/down/both', 'what a client of Consul wrote');
  report.note('meanwhile clients created, updated and deleted on each side, and changed one entry on both');

  const startingMs = performance.now();
  await stage.daemon.start();
  await stage.daemon.inSync();
  const back = inMs(performance.now() - startingMs);
  for (const [claim, names, wanted] of [
    ['created on either side: there on both', ['created-in-zookeeper', 'created-in-consul'], 'new'],
    ['updated on either side: updated on both', ['updated-in-zookeeper', 'updated-in-consul'], 'changed'],
    ['deleted on either side: gone from both, nothing comes back', DELETED.map(withoutFolder), undefined],
  ] as const) {
    const seen = await Promise.all(names.flatMap((name) => bothSides(stage, `down/${name}`)));
    report.check(claim, Array(2 * names.length).fill(wanted), seen, wanted === 'new' ? back : '');
  }
  await showConflict(stage, report);
}

/** The entry that both sides changed: one value stands, the journal has both. */
async function showConflict(stage: Stage, report: Report): Promise<void> {
  const list = await stage.daemon.get<{ conflicts: readonly { id: number; key: string }[] }>('conflicts');
  const listed = list.conflicts.find(({ key }) => key === 'down/both');
  report.check('changed on both sides: a conflict, in the journal', 'down/both', listed?.key);
  if (listed === undefined) return;
  const conflict = await stage.daemon.get<ConflictAnswer>(`conflicts/${String(listed.id)}`);
  for (const side of ['zookeeper', 'consul'] as const) {
    report.note(
      `  ${side.padEnd(9)}  ${JSON.stringify(conflict[side].value?.utf8)}, ${when(conflict[side].written)}`,
    );
  }
  report.note(
    `  winner     ${conflict.winner ?? 'nobody yet'}, by the rule ${conflict.rule}${why(conflict)}`,
  );
  report.check(
    'the journal has both values, to the last byte',
    ['what a client of ZooKeeper wrote', 'what a client of Consul wrote'],
    [conflict.zookeeper.value?.utf8, conflict.consul.value?.utf8],
  );
  const winning = conflict.winner === null ? undefined : conflict[conflict.winner].value?.utf8;
  const seen = await Promise.all(bothSides(stage, 'down/both'));
  report.check("both stores have the winner's value", [winning, winning], seen);
}

function bothSides(stage: Stage, key: string): Promise<string | undefined>[] {
  return [stage.inZooKeeper(key), stage.inConsul(key)];
}

function withoutFolder(key: string): string {
  return key.slice(key.indexOf('/') + 1);
}

function when({ earliest, latest }: ConflictSide['written']): string {
  const time = (iso: string): string => iso.slice('2026-01-31T'.length, -1);
  const until = latest === null ? 'at a time unknown' : `until ${time(latest)}`;
  return earliest === null ? `written ${until}` : `written from ${time(earliest)} ${until}`;
}

function why({ rule, ambiguous }: ConflictAnswer): string {
  if (rule === 'tie-break') return ': the times overlap, so the mapping says who wins (tieBreak)';
  if (rule === 'last-writer-wins') return ': its write was certainly the later one';
  return ambiguous ? ' (ambiguous)' : '';
}
