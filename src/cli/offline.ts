import { openArchive } from '../archive/open-archive.js';
import type { Config } from '../config/schema.js';
import { OfflineAccess, openArchiveIfThere } from '../daemon/offline-access.js';
import type { Archive } from '../ports/archive.js';
import type { Terminal } from './terminal.js';
import { WarningLogger } from './warning-logger.js';

/** How long a command waits for a store to let it in. */
export const CONNECT_TIMEOUT_MS = 10_000;

/** With `new` there is an archive in any case: it is made where there is none. */
type OfflineUse = 'stores' | 'stores-and-archive' | 'stores-and-new-archive';

/**
 * Does something with both stores, and with the archive where there is one, without a daemon.
 * @throws SyncError when the archive can't be opened, ReplicaError when a store can't be reached
 */
export async function withOfflineAccess<T>(
  terminal: Terminal,
  config: Config,
  use: OfflineUse,
  work: (access: OfflineAccess) => Promise<T>,
): Promise<T> {
  const archive = await archiveFor(config, use);
  const access = await OfflineAccess.open(config, archive, new WarningLogger(terminal));
  try {
    await access.connect(CONNECT_TIMEOUT_MS);
    return await work(access);
  } finally {
    await access.close();
  }
}

function archiveFor(config: Config, use: OfflineUse): Promise<Archive | undefined> {
  if (use === 'stores') return Promise.resolve(undefined);
  if (use === 'stores-and-archive') return openArchiveIfThere(config);
  return openArchive({ path: config.archive.path, journal: config.journal });
}
