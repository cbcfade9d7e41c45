import { fileURLToPath } from 'node:url';
import { existsSync } from 'node:fs';
import { Metrics } from '../../../src/admin/metrics.js';
import { RecentActivity } from '../../../src/admin/recent-activity.js';
import { startAdminServer } from '../../../src/admin/server.js';
import type { AdminServer } from '../../../src/admin/server.js';
import { systemClock } from '../../../src/daemon/system.js';
import type { MappingMetrics } from '../../../src/ports/metrics.js';
import type { MappingControl } from '../../../src/ports/control.js';
import { FakeControl, FakeMapping } from '../../unit/admin/fake-control.js';
import { RecordingLogger } from '../../unit/admin/recording-logger.js';

/** The built program, whose page is shown. */
const BUILT = new URL('../../../dist/', import.meta.url);

/** A daemon whose status is written by hand: for states that real stores would take hours to get into. */
export class StagedDaemon extends FakeControl {
  readonly #others = new Map<string, FakeMapping>();

  override mapping(name: string): MappingControl | undefined {
    if (name === 'config') return this.config;
    if (!this.current.mappings.some((mapping) => mapping.name === name)) return undefined;
    const other = this.#others.get(name) ?? new FakeMapping();
    this.#others.set(name, other);
    return other;
  }
}

export interface StagedPage {
  readonly daemon: StagedDaemon;
  readonly activity: RecentActivity;
  /** Counts where nobody looks. */
  readonly silentMetrics: MappingMetrics;
  readonly server: AdminServer;
  readonly url: string;
}

/** The real admin server with the built page, in front of a staged daemon. */
export async function stagePage(
  options: { host?: string; port?: number; token?: string } = {},
): Promise<StagedPage> {
  const { host = '127.0.0.1', port = 0, token } = options;
  if (!existsSync(fileURLToPath(new URL('admin/page/main.js', BUILT)))) {
    throw new Error('The page is not built: run `npm run build`.');
  }
  const daemon = new StagedDaemon();
  const metrics = new Metrics();
  const activity = new RecentActivity(systemClock);
  const server = await startAdminServer({
    listen: { host, port },
    token,
    control: daemon,
    metrics,
    activity,
    program: BUILT,
    logger: new RecordingLogger(),
  });
  const silentMetrics = metrics.forMapping('staged');
  return { daemon, activity, silentMetrics, server, url: server.address.replace('0.0.0.0', '127.0.0.1') };
}
