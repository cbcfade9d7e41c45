import type { Pair } from '../../../src/core/pair.js';
import type { Policy } from '../../../src/core/policy.js';
import type { MappingArchive } from '../../../src/ports/archive.js';
import type { Clock, Random } from '../../../src/ports/clock.js';
import type { Logger } from '../../../src/ports/logger.js';
import type { MappingMetrics } from '../../../src/ports/metrics.js';
import type { Replica } from '../../../src/ports/replica.js';
import type { MappingContext } from '../../../src/sync/context.js';
import type { Leaderships } from '../../../src/sync/leaderships.js';
import { contentDigest } from '../memory-store/content-digest.js';
import { WriteGate } from '../../../src/sync/write-gate.js';

export const ROOT = '/config';
export const PREFIX = 'config/';
export const LEDGER_PLACE = 'default/config';
export const PLACES: Pair<string> = { left: 'tree:/config/', right: 'flat:config/' };

export interface ContextParts {
  /** Names the process in its ledgers. */
  readonly writer: string;
  readonly replicas: Pair<Replica>;
  readonly archive: MappingArchive;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: MappingMetrics;
  readonly policy?: Partial<Policy> | undefined;
  /** Where the daemon is one of several. */
  readonly leaderships?: Leaderships | undefined;
}

/** The mapping of a simulated daemon, with the settings that the configuration has unless it says otherwise. */
export function daemonContext(parts: ContextParts): MappingContext {
  const { clock, policy, leaderships, ...rest } = parts;
  return {
    ...rest,
    leaderships,
    clock,
    name: 'config',
    instance: 'default',
    sideNames: { left: 'tree', right: 'flat' },
    places: PLACES,
    policy: {
      source: undefined,
      conflict: 'last-writer-wins',
      tieBreak: 'left',
      initial: 'merge',
      sessionBound: 'mirror',
      restricted: 'mirror',
      drift: 'report',
      ...policy,
    },
    mode: 'sync',
    maxDelete: { percent: 25, atLeast: 20, withinMs: 3_600_000 },
    maxOverwrite: { percent: 25, atLeast: 20, withinMs: 3_600_000 },
    verifyEveryMs: 600_000,
    onArchiveLoss: 'hold',
    scope: { id: 'all', includes: () => true },
    digest: contentDigest,
    keyBytesMax: 2_000,
    gates: { left: new WriteGate(clock, 0), right: new WriteGate(clock, 0) },
  };
}
