import type { Digest, EntryKey } from '../core/observation.js';
import type { DepartureRules } from '../core/departures.js';
import type { Budget } from '../core/deletion-budget.js';
import type { Pair } from '../core/pair.js';
import type { Policy } from '../core/policy.js';
import type { MappingArchive } from '../ports/archive.js';
import type { Audit } from '../ports/audit.js';
import type { Clock, Random } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import type { MappingMetrics } from '../ports/metrics.js';
import type { WriteObserver } from '../ports/observed.js';
import type { Replica } from '../ports/replica.js';
import type { WriteListener } from '../ports/written.js';
import type { Leaderships } from './leaderships.js';
import type { WriteGate } from './write-gate.js';

/** Everything one mapping's loop works with. */
export interface MappingContext {
  readonly name: string;
  readonly instance: string;
  /** Names this process in the ledgers it writes. */
  readonly writer: string;
  readonly replicas: Pair<Replica>;
  /** What the sides are called outside the core. */
  readonly sideNames: Pair<string>;
  /** The mapped places, normalised, each ending in `/`: what the archive is keyed by and the ledgers name. */
  readonly places: Pair<string>;
  readonly policy: Policy;
  /** `observe` does everything but write. */
  readonly mode: 'sync' | 'observe';
  readonly maxDelete: Budget;
  readonly maxOverwrite: Budget;
  readonly verifyEveryMs: number;
  /** What to do when ledgers are found but no archive. */
  readonly onArchiveLoss: 'hold' | 'merge';
  readonly scope: Scope;
  /** How copies of session-bound entries go; at once, without. */
  readonly departures?: DepartureRules | undefined;
  /** As the replicas make them of what they read. */
  readonly digest: (value: Uint8Array) => Digest;
  /** The longest key the archive can hold, in UTF-8 bytes. */
  readonly keyBytesMax: number;
  readonly archive: MappingArchive;
  /** Holds back writes where a store is under pressure. Shared by all mappings. */
  readonly gates: Pair<WriteGate>;
  readonly clock: Clock;
  readonly random: Random;
  /** Counts what would be written, where the mapping only observes. */
  readonly observed?: WriteObserver;
  /** Where other daemons of the instance share the work: this one leads the mapping only when elected. */
  readonly leaderships: Leaderships | undefined;
  readonly logger: Logger;
  readonly metrics: MappingMetrics;
  /** Told of every write; undefined where nobody wants to know. */
  readonly audit?: Audit | undefined;
  /** Is told of every write of an entry; left out where nobody looks. */
  readonly onWritten?: WriteListener;
}

/** Which entries of the mapped places take part. */
export interface Scope {
  /** The patterns as text: records made under other patterns are sorted out at the start. */
  readonly id: string;
  includes(key: EntryKey): boolean;
}
