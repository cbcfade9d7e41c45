import fc from 'fast-check';
import type { ArchiveRecord } from '../../src/core/archive-record.js';
import type { EntryKey } from '../../src/core/observation.js';
import type { ArchiveChanges, EntryMark, NewConflict } from '../../src/ports/archive.js';
import type { NewTrash } from '../../src/ports/trash.js';
import {
  entryRecord,
  mappingState,
  newConflict,
  newTrash,
  order,
  structureRecord,
} from './archive-samples.js';

/** Any string, with all that makes the order and the encoding of keys hard. */
export const anyKey: fc.Arbitrary<EntryKey> = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', 'b', '/', '.', ' ', '0', '\0', '\u0001', '\u0002'), maxLength: 6 }),
  fc.string({
    unit: fc.constantFrom('/', 'z', '\x7f', 'ä', '\u07ff', '\u0800', '\uffff', '\ud800', '\udfff', '😀'),
    maxLength: 6,
  }),
  fc.string({ unit: 'binary', maxLength: 8 }),
);

const anyRecord: fc.Arbitrary<ArchiveRecord> = fc.oneof(
  fc
    .record({ modified: fc.nat(), session: fc.constantFrom(undefined, 'left' as const, 'right' as const) })
    .map(({ modified, session }) => entryRecord(modified, { session })),
  fc.nat().map(structureRecord),
);

const anyMark: fc.Arbitrary<EntryMark> = fc.oneof(
  fc
    .constantFrom('conflict' as const, 'oscillating' as const)
    .map((reason): EntryMark => ({ kind: 'hold', reason, sinceMs: 1, detail: '' })),
  fc
    .constantFrom('too-large', 'denied')
    .map((reason): EntryMark => ({ kind: 'skip', reason, detail: 'x', sinceMs: 2 })),
  fc
    .constantFrom('added' as const, 'deleted' as const)
    .map((drift): EntryMark => ({ kind: 'drift', drift, sinceMs: 3 })),
  fc.boolean().map((approved): EntryMark => ({ kind: 'held-deletion', on: 'left', sinceMs: 4, approved })),
  fc.constant<EntryMark>({ kind: 'ordered', sinceMs: 5, detail: '' }),
);

const anyConflict: fc.Arbitrary<NewConflict> = fc
  .record({ atMs: fc.nat(100), open: fc.boolean(), isDeleted: fc.boolean() })
  .map(({ atMs, open, isDeleted }) => {
    const conflict = newConflict(atMs, { open });
    const { left, right } = conflict.sides;
    return isDeleted ? { ...conflict, sides: { left: { ...left, value: undefined }, right } } : conflict;
  });

const anyTrash: fc.Arbitrary<NewTrash> = fc
  .record({
    atMs: fc.nat(100),
    key: fc.constantFrom('a', 'a/b', ''),
    side: fc.constantFrom('left' as const, 'right' as const),
    version: fc
      .tuple(fc.bigInt(1n, 4n), fc.bigInt(1n, 3n))
      .map(([modified, created]) => ({ modified, created, revision: 0 })),
    inner: fc.boolean(),
  })
  .map(({ atMs, ...rest }) => newTrash(atMs, rest));

/** Any commit on any of a few keys and journal entries. */
export const anyChanges: fc.Arbitrary<ArchiveChanges> = fc
  .record(
    {
      records: mapOf(fc.option(anyRecord, { nil: undefined })),
      marks: mapOf(fc.option(anyMark, { nil: undefined })),
      trash: fc.array(anyTrash, { maxLength: 3 }),
      conflicts: fc.array(anyConflict, { maxLength: 3 }),
      settled: fc
        .array(
          fc.tuple(fc.integer({ min: 1, max: 20 }), fc.constantFrom('left' as const, 'right' as const)),
          {
            maxLength: 3,
          },
        )
        .map((settled) => new Map(settled)),
      dropSettledBeforeMs: fc.nat(100),
      state: fc.nat().map((lastVerifiedAtMs) => mappingState({ lastVerifiedAtMs })),
    },
    { requiredKeys: [] },
  )
  .map(withOrders);

/** Marks that tell of an order come with it. */
function withOrders(changes: ArchiveChanges): ArchiveChanges {
  const ordered = [...(changes.marks ?? [])].filter(([, mark]) => mark?.kind === 'ordered');
  if (ordered.length === 0) return changes;
  return { ...changes, orders: new Map(ordered.map(([key], i) => [key, order(i)])) };
}

function mapOf<T>(value: fc.Arbitrary<T>): fc.Arbitrary<ReadonlyMap<EntryKey, T>> {
  const key = fc.oneof(fc.constantFrom('a', 'a/b', 'a/b/c', 'a b', 'b', ''), anyKey);
  return fc.array(fc.tuple(key, value), { maxLength: 8 }).map((entries) => new Map(entries));
}
