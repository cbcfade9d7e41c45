import type { Config } from '../config/schema.js';
import { OfflineAccess, openArchiveIfThere } from '../daemon/offline-access.js';
import type { Terminal } from './terminal.js';
import { WarningLogger } from './warning-logger.js';

/** How long a command waits for a store to let it in. */
export const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Does something with both stores, and with the archive where there is one, without a daemon.
 * @throws SyncError when the archive can't be opened, ReplicaError when a store can't be reached
 */
export async function withOfflineAccess<T>(
  terminal: Terminal,
  config: Config,
  use: 'stores' | 'stores-and-archive',
  work: (access: OfflineAccess) => Promise<T>,
): Promise<T> {
  const archive = use === 'stores-and-archive' ? await openArchiveIfThere(config) : undefined;
  const access = await OfflineAccess.open(config, archive, new WarningLogger(terminal));
  try {
    await access.connect(CONNECT_TIMEOUT_MS);
    return await work(access);
  } finally {
    await access.close();
  }
}
