import { z } from 'zod';

/** What of the admin API's answers about the trash the command line reads (docs/http-api.md). */

const trashSummary = z.looseObject({
  id: z.number(),
  at: z.string().nullable(),
  key: z.string(),
  deletedIn: z.string(),
  flags: z.string(),
  writtenAt: z.string().nullable(),
  value: z.looseObject({ bytes: z.number() }),
});

export const trashPageAnswer = z.looseObject({ trash: z.array(trashSummary), next: z.number().nullable() });

export const trashEntryAnswer = trashSummary.extend({
  access: z.string().nullable(),
  value: z.looseObject({ bytes: z.number(), base64: z.string(), utf8: z.string().nullable() }),
});

export const restoreAnswer = z.looseObject({
  mapping: z.string(),
  action: z.string(),
  message: z.string(),
  ordered: z.number(),
  refused: z.array(z.object({ key: z.string(), reason: z.string() })),
  refusedTotal: z.number(),
  hasMore: z.boolean(),
});

export type TrashSummaryAnswer = z.output<typeof trashSummary>;
