import { z } from 'zod';

/** What of the admin API's answers the command line reads (docs/http-api.md). */

export const errorAnswer = z.object({ error: z.string(), code: z.string(), hint: z.string() });

export type ErrorAnswer = z.output<typeof errorAnswer>;

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

export const mappingStatusAnswer = z.looseObject({
  name: z.string(),
  role: z.string(),
  /** Which of several daemons leads it; null while none is known to, or a daemon is alone. */
  leader: z.looseObject({ host: z.string(), admin: z.string().nullable() }).nullable().default(null),
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
  /** What was ordered, and not both sides have yet. Daemons of earlier versions don't tell. */
  orders: z
    .array(z.looseObject({ key: z.string(), since: z.string().nullable(), why: z.string().nullable() }))
    .default([]),
  ordersTotal: z.number().default(0),
  lastVerifiedAt: z.string().nullable(),
  /** Left out by daemons of before. */
  cutover: z
    .looseObject({ step: z.string().nullable(), since: z.string().nullable() })
    .default({ step: 'both', since: null }),
});

const arrival = z.looseObject({
  lagSeconds: z.number().nullable(),
  lastSeenAt: z.string().nullable(),
  problem: z.string().nullable(),
});

const canary = z.looseObject({
  role: z.string(),
  paused: z.boolean(),
  toZookeeper: arrival,
  toConsul: arrival,
});

/** Whatever else the daemon tells is kept for `--json`. */
export const statusAnswer = z.looseObject({
  version: z.string(),
  instance: z.string(),
  role: z.string(),
  uptimeSeconds: z.number(),
  replicas: z.object({ zookeeper: store, consul: store }),
  mappings: z.array(mappingStatusAnswer),
  audit: z.looseObject({ file: z.string(), problem: z.string().nullable(), lost: z.number() }).nullish(),
  canary: canary.nullish(),
});

export type StatusAnswer = z.output<typeof statusAnswer>;
export type MappingAnswer = z.output<typeof mappingStatusAnswer>;
export type StoreAnswer = z.output<typeof store>;
export type HoldAnswer = z.output<typeof hold>;

const plain = z.record(z.string(), z.unknown());

const written = z.looseObject({ earliest: z.string().nullable(), latest: z.string().nullable() });

const conflictSide = z.looseObject({
  value: z.looseObject({ bytes: z.number() }).nullable(),
  written,
});

const conflict = {
  id: z.number(),
  at: z.string().nullable(),
  open: z.boolean(),
  kind: z.string(),
  winner: z.string().nullable(),
  rule: z.string(),
  ambiguous: z.boolean(),
};

export const explanationAnswer = z.looseObject({
  key: z.string(),
  zookeeper: plain,
  consul: plain,
  archive: plain.nullable(),
  mark: plain.nullable(),
  decision: z.string(),
  why: z.string(),
  lastConflict: z.looseObject({ ...conflict, zookeeper: conflictSide, consul: conflictSide }).nullable(),
});

export type ExplanationAnswer = z.output<typeof explanationAnswer>;

const summary = z.looseObject({
  ...conflict,
  key: z.string(),
  zookeeper: conflictSide,
  consul: conflictSide,
});

/** A page of the conflict journal. */
export const conflictsAnswer = z.looseObject({ conflicts: z.array(summary), next: z.number().nullable() });

export type ConflictSummaryAnswer = z.output<typeof summary>;

const conflictSideWithValue = z.looseObject({
  value: z.looseObject({ bytes: z.number(), base64: z.string(), utf8: z.string().nullable() }).nullable(),
  written,
});

export const conflictAnswer = z.looseObject({
  ...conflict,
  key: z.string(),
  zookeeper: conflictSideWithValue,
  consul: conflictSideWithValue,
});

export type ConflictAnswer = z.output<typeof conflictAnswer>;

/** What every changing request is answered with. */
export const changeAnswer = z.looseObject({ mapping: z.string(), action: z.string(), message: z.string() });

export const allMappingsAnswer = z.looseObject({
  action: z.string(),
  mappings: z.array(
    z.discriminatedUnion('ok', [
      z.looseObject({ mapping: z.string(), ok: z.literal(true), message: z.string() }),
      z.looseObject({ mapping: z.string(), ok: z.literal(false), ...errorAnswer.shape }),
    ]),
  ),
});

export type MappingResult = z.output<typeof allMappingsAnswer>['mappings'][number];

export const heldAnswer = z.looseObject({
  deletions: z.number(),
  overwrites: z.number(),
  digest: z.string(),
  entries: z.array(
    z.looseObject({
      key: z.string(),
      action: z.string(),
      on: z.string(),
      since: z.string().nullable(),
    }),
  ),
  next: z.string().nullable(),
});

export type HeldAnswer = z.output<typeof heldAnswer>;

const bySide = z.object({ zookeeper: z.number(), consul: z.number() });

/** What a resync would do. */
export const previewAnswer = z.looseObject({
  entries: z.number(),
  create: bySide,
  update: bySide,
  delete: bySide,
  conflicts: z.number(),
  skipped: z.number(),
  actions: z.array(
    z.looseObject({ key: z.string(), action: z.string(), on: z.string().nullable(), detail: z.string() }),
  ),
  truncated: z.boolean(),
});

export type PreviewAnswer = z.output<typeof previewAnswer>;

const observedCounts = z.looseObject({
  create: bySide,
  update: bySide,
  delete: bySide,
  conflict: bySide,
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
