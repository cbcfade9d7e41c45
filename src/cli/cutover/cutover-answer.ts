import { z } from 'zod';

const counts = z.looseObject({
  hour: z.number(),
  day: z.number(),
  week: z.number(),
  lastAt: z.string().nullable(),
});

const side = counts.extend({
  folders: z.array(counts.extend({ folder: z.string() })),
  rest: counts.nullable(),
});

const reason = z.looseObject({ what: z.string(), detail: z.string() });

/** The answer of `/cutover` of a mapping. */
export const cutoverAnswer = z.looseObject({
  mapping: z.string(),
  step: z.string().nullable(),
  since: z.string().nullable(),
  configured: z.boolean(),
  next: z.string().nullable(),
  back: z.string().nullable(),
  history: z.array(z.looseObject({ step: z.string().nullable(), at: z.string().nullable() })),
  inSync: z.boolean(),
  inSyncSince: z.string().nullable(),
  holds: z.number(),
  openConflicts: z.number(),
  drifted: z.number(),
  comparison: z.looseObject({
    equal: z.boolean().nullable(),
    by: z.string().nullable(),
    zookeeper: z.string().nullable(),
    consul: z.string().nullable(),
    compared: z.number(),
    different: z.number(),
    detail: z.string().nullable(),
  }),
  changes: z.looseObject({ countedSince: z.string().nullable(), zookeeper: side, consul: side }),
  watchers: z.looseObject({
    sessions: z.array(
      z.looseObject({ session: z.string(), address: z.string().nullable(), paths: z.number() }),
    ),
    total: z.number(),
    untold: z.array(z.string()),
  }),
  missing: z.array(reason),
  switchOff: z.looseObject({ possible: z.boolean(), certain: z.boolean(), needed: z.array(reason) }),
});

export type CutoverAnswer = z.output<typeof cutoverAnswer>;
export type CountsAnswer = z.output<typeof counts>;
export type SideAnswer = CutoverAnswer['changes']['zookeeper'];
