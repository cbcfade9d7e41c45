import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Config } from '../../config/schema.js';
import { openArchiveIfThere } from '../../daemon/offline-access.js';
import type { Archive } from '../../ports/archive.js';
import { SyncError } from '../../ports/errors.js';
import type { Findings } from './finding.js';

const ABOUT = 'archive';

/** What could be done with the archive: `in-use` by a daemon, or `unusable`. */
export type CheckedArchive =
  | { readonly kind: 'open'; readonly archive: Archive }
  | { readonly kind: 'none' }
  | { readonly kind: 'in-use' }
  | { readonly kind: 'unusable' };

/** Opens the archive if there is one. The caller closes it. */
export async function checkArchive(config: Config, findings: Findings): Promise<CheckedArchive> {
  const { path } = config.archive;
  try {
    const archive = await openArchiveIfThere(config);
    if (archive === undefined) return await checkPlaceForArchive(path, findings);
    findings.ok(ABOUT, `${path} is whole`);
    return { kind: 'open', archive };
  } catch (error) {
    if (error instanceof SyncError && error.code === 'ARCHIVE_LOCKED') {
      findings.ok(
        ABOUT,
        `a daemon is running with it, so only that daemon knows what it holds. ${error.message}`,
      );
      return { kind: 'in-use' };
    }
    findings.failure(ABOUT, error);
    return { kind: 'unusable' };
  }
}

async function checkPlaceForArchive(path: string, findings: Findings): Promise<CheckedArchive> {
  const place = await nearestDirectory(path);
  try {
    await access(place, constants.W_OK | constants.X_OK);
    findings.ok(ABOUT, `none at ${path} yet: a start makes it`);
    return { kind: 'none' };
  } catch {
    findings.fail(ABOUT, `none at ${path} yet, and this user may not make it in ${place} (archive.path)`);
    return { kind: 'none' };
  }
}

async function nearestDirectory(path: string): Promise<string> {
  for (let at = path; ; at = dirname(at)) {
    const exists = await access(at).then(
      () => true,
      () => false,
    );
    if (exists || at === dirname(at)) return at;
  }
}
