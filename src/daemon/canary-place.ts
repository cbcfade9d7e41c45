import type { Config, MappingConfig } from '../config/schema.js';
import { NAMESPACE } from './mapping-context.js';
import type { MappingHome } from './mapping-context.js';

/** No configured mapping can have this name. */
export const CANARY = '.canary';

/** Far more often than anybody looks, and seldom enough to cost nothing. */
const VERIFY_EVERY_MS = 600_000;
/** Nothing of the canary's is worth being held for. */
const NO_BUDGET = { percent: 100, atLeast: 1_000_000_000, withinMs: 3_600_000 };

/** The folder of an instance's canary, in either store below its root. */
export function canaryFolder(instance: string): string {
  return `${NAMESPACE}/${instance}/${CANARY}`;
}

/** Its mapping: like one of the configuration, between two folders of the daemon's own. */
export function canaryMapping({ instance }: Config): MappingConfig {
  const folder = `${canaryFolder(instance)}/markers`;
  return {
    name: CANARY,
    zookeeper: `/${folder}`,
    consul: folder,
    direction: 'both',
    conflict: 'last-writer-wins',
    tieBreak: 'zookeeper',
    initial: 'merge',
    include: ['**'],
    exclude: [],
    sessionBound: 'mirror',
    restricted: 'mirror',
    drift: 'report',
    mode: 'sync',
    maxDelete: NO_BUDGET,
    maxOverwrite: NO_BUDGET,
    verifyEveryMs: VERIFY_EVERY_MS,
  };
}

/** Beside its markers, out of the sight of whoever looks for mappings that overlap. */
export function canaryHome({ instance }: Config): MappingHome {
  const ledger = `${canaryFolder(instance)}/ledger`;
  return { ledger, namespace: ledger };
}
