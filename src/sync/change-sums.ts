import type { Pair, Side } from '../core/pair.js';
import { pairOf } from '../core/pair.js';
import type { ClientChanges } from '../ports/client-changes.js';
import { HOUR_MS } from '../ports/client-changes.js';
import type { ChangeCounts, FolderChanges, SideChanges } from '../ports/cutover.js';

/** So many folders are listed of a side; the others are in one sum. */
const FOLDERS_LISTED_MAX = 20;

const NOTHING: ChangeCounts = { hour: 0, day: 0, week: 0, lastAtMs: undefined };

/** What clients changed in the last hour, day and week, by folder. To whole hours: the one that has begun, and those before. */
export function changeSums(rows: readonly ClientChanges[], nowMs: number): Pair<SideChanges> {
  return pairOf((side) => sumsOf(rows, side, nowMs));
}

function sumsOf(rows: readonly ClientChanges[], side: Side, nowMs: number): SideChanges {
  const nowHour = Math.floor(nowMs / HOUR_MS);
  const folders = new Map<string, ChangeCounts>();
  let all = NOTHING;
  let rest: ChangeCounts | undefined;
  for (const row of rows) {
    if (row.side !== side) continue;
    all = plus(all, row, nowHour);
    if (row.folder === undefined) rest = plus(rest ?? NOTHING, row, nowHour);
    else folders.set(row.folder, plus(folders.get(row.folder) ?? NOTHING, row, nowHour));
  }
  const busiest: FolderChanges[] = [...folders]
    .map(([folder, counts]) => ({ folder, ...counts }))
    .sort((a, b) => b.week - a.week || (a.folder < b.folder ? -1 : 1));
  for (const one of busiest.splice(FOLDERS_LISTED_MAX)) rest = together(rest ?? NOTHING, one);
  return { ...all, folders: busiest, rest };
}

function plus(sum: ChangeCounts, { hour, count, lastAtMs }: ClientChanges, nowHour: number): ChangeCounts {
  const age = nowHour - hour;
  const within = (hours: number): number => (age <= hours ? count : 0);
  return together(sum, { hour: within(1), day: within(24), week: within(7 * 24), lastAtMs });
}

function together(a: ChangeCounts, b: ChangeCounts): ChangeCounts {
  const lastAtMs = Math.max(a.lastAtMs ?? -Infinity, b.lastAtMs ?? -Infinity);
  return {
    hour: a.hour + b.hour,
    day: a.day + b.day,
    week: a.week + b.week,
    lastAtMs: lastAtMs === -Infinity ? undefined : lastAtMs,
  };
}
