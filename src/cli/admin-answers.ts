import { z } from 'zod';

/** What of the admin API's answers the command line reads (docs/http-api.md). */

export const errorAnswer = z.object({ error: z.string(), code: z.string(), hint: z.string() });

const store = z.looseObject({
  connected: z.boolean(),
  address: z.string(),
  server: z.string().nullable(),
  lastError: z.string().nullable(),
});

const hold = z.looseObject({
  reason: z.string(),
  key: z.string().nullable(),
  since: z.string().nullable(),
  detail: z.string(),
});

const mappingStatus = z.looseObject({
  name: z.string(),
  role: z.string(),
  state: z.string(),
  inSync: z.boolean(),
  inSyncSince: z.string().nullable(),
  /** What keeps the mapping from going on just now. */
  problem: z.string().nullable(),
  entries: z.number(),
  pending: z.object({ toZookeeper: z.number(), toConsul: z.number() }),
  conflicts: z.object({ open: z.number(), total: z.number() }),
  holds: z.array(hold),
  skipped: z.array(z.object({ key: z.string(), reason: z.string() })),
  skippedTotal: z.number(),
  drifted: z.array(z.looseObject({ key: z.string(), change: z.string() })),
  driftedTotal: z.number(),
  lastVerifiedAt: z.string().nullable(),
});

/** Whatever else the daemon tells is kept for `--json`. */
export const statusAnswer = z.looseObject({
  version: z.string(),
  instance: z.string(),
  role: z.string(),
  uptimeSeconds: z.number(),
  replicas: z.object({ zookeeper: store, consul: store }),
  mappings: z.array(mappingStatus),
});

export type StatusAnswer = z.output<typeof statusAnswer>;
export type MappingAnswer = z.output<typeof mappingStatus>;
export type StoreAnswer = z.output<typeof store>;
export type HoldAnswer = z.output<typeof hold>;

const plain = z.record(z.string(), z.unknown());

const conflictSide = z.looseObject({
  value: z.looseObject({ bytes: z.number() }).nullable(),
});

export const explanationAnswer = z.looseObject({
  key: z.string(),
  zookeeper: plain,
  consul: plain,
  archive: plain.nullable(),
  mark: plain.nullable(),
  decision: z.string(),
  why: z.string(),
  lastConflict: z
    .looseObject({
      id: z.number(),
      at: z.string().nullable(),
      open: z.boolean(),
      kind: z.string(),
      winner: z.string().nullable(),
      rule: z.string(),
      ambiguous: z.boolean(),
      zookeeper: conflictSide,
      consul: conflictSide,
    })
    .nullable(),
});

export type ExplanationAnswer = z.output<typeof explanationAnswer>;

const byStore = z.object({ zookeeper: z.number(), consul: z.number() });

const observedCounts = z.looseObject({
  create: byStore,
  update: byStore,
  delete: byStore,
  conflict: byStore,
  undecided: z.number(),
});

export const observedAnswer = z.looseObject({
  mapping: z.string(),
  /** Whether it does so now. */
  observing: z.boolean(),
  since: z.string().nullable(),
  totals: observedCounts.nullable(),
  days: z.array(observedCounts.extend({ day: z.string() })),
  latest: z.array(
    z.looseObject({
      at: z.string().nullable(),
      action: z.string(),
      on: z.string().nullable(),
      key: z.string(),
    }),
  ),
});

export type ObservedAnswer = z.output<typeof observedAnswer>;
export type ObservedCountsAnswer = z.output<typeof observedCounts>;
