import type { CutoverStep } from '../core/cutover.js';
import type { ChangeCounts, Comparison, CutoverReport, SideChanges } from '../ports/cutover.js';
import { CUTOVER_STEP_NAMES } from './cutover-names.js';
import { isoTime } from './iso-time.js';
import { REPLICA_NAMES } from './replica-names.js';

/** The body of `GET /api/v1/mappings/NAME/cutover`. */
export function cutoverJson(mapping: string, report: CutoverReport) {
  const { comparison, watchers, changes } = report;
  return {
    mapping,
    step: nameOf(report.step),
    since: isoTime(report.sinceMs),
    configured: report.isConfigured,
    next: nameOf(report.next),
    back: nameOf(report.back),
    history: report.moves.toReversed().map(({ step, atMs }) => ({ step: nameOf(step), at: isoTime(atMs) })),
    inSync: report.inSync,
    inSyncSince: isoTime(report.inSyncSinceMs),
    holds: report.holds,
    openConflicts: report.openConflicts,
    drifted: report.drifted,
    comparison: comparisonJson(comparison),
    changes: {
      countedSince: isoTime(report.countedSinceMs),
      [REPLICA_NAMES.left]: sideJson(changes.left),
      [REPLICA_NAMES.right]: sideJson(changes.right),
    },
    watchers: {
      sessions: watchers.sessions.map((one) => ({ ...one, address: one.address ?? null })),
      total: watchers.total,
      untold: watchers.untold,
    },
    missing: report.missing,
    switchOff: report.switchOff,
  };
}

function nameOf(step: CutoverStep | undefined) {
  return step === undefined ? null : CUTOVER_STEP_NAMES[step];
}

function comparisonJson({ equal, by, digests, compared, different, detail }: Comparison) {
  return {
    equal: equal ?? null,
    by: by ?? null,
    [REPLICA_NAMES.left]: digests?.left ?? null,
    [REPLICA_NAMES.right]: digests?.right ?? null,
    compared,
    different,
    detail: detail ?? null,
  };
}

function sideJson({ folders, rest, ...all }: SideChanges) {
  return {
    ...countsJson(all),
    folders: folders.map(({ folder, ...counts }) => ({ folder, ...countsJson(counts) })),
    rest: rest === undefined ? null : countsJson(rest),
  };
}

function countsJson({ hour, day, week, lastAtMs }: ChangeCounts) {
  return { hour, day, week, lastAt: isoTime(lastAtMs) };
}
