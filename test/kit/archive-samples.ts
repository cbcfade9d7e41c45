import fc from 'fast-check';
import type { ArchiveRecord, EntryRecord, StructureRecord } from '../../src/core/archive-record.js';
import { startOverwriteHistory, startSizeHistory } from '../../src/core/deletion-budget.js';
import type { MappingState } from '../../src/core/mapping-state.js';
import type { EntryKey } from '../../src/core/observation.js';
import type { ArchiveChanges, EntryMark, NewConflict } from '../../src/ports/archive.js';

/** Things to archive, for the tests of archives. */

export function entryRecord(modified: number, changes: Partial<EntryRecord> = {}): EntryRecord {
  return {
    kind: 'entry',
    digest: `digest-${modified}`,
    empty: false,
    versions: {
      left: { modified: 0x5_0000_0000n + BigInt(modified), created: 0x5_0000_0000n, revision: modified },
      right: { modified: BigInt(modified), created: 1n, revision: 0 },
    },
    copy: undefined,
    session: undefined,
    mirrorRewrites: 0,
    oscillation: undefined,
    ...changes,
  };
}

export function structureRecord(modified: number): StructureRecord {
  return {
    kind: 'structure',
    side: 'left',
    version: { modified: BigInt(modified), created: 1n, revision: 1 },
    owner: 'daemon',
  };
}

export function mappingState(changes: Partial<MappingState> = {}): MappingState {
  return {
    pairId: 'pair-1',
    phase: 'paired',
    ledgers: {
      left: {
        version: { modified: 2n ** 63n, created: 7n, revision: 2 },
        generation: 3,
        recent: [1n, 2n ** 64n - 1n],
      },
      right: undefined,
    },
    ledgerless: ['right'],
    holds: [{ reason: 'rolled-back', sinceMs: 1_750_000_000_000, detail: 'läuft zurück', side: undefined }],
    paused: false,
    resyncFrom: undefined,
    lastSweptAtMs: { left: 1, right: undefined },
    scope: '**',
    firstCompletedAtMs: undefined,
    lastVerifiedAtMs: 1_750_000_000_000.5,
    sizes: startSizeHistory(-Infinity, 5),
    overwrites: startOverwriteHistory(0),
    sightings: { left: [{ atMs: -Infinity, version: 9n }], right: [] },
    clockOffsets: { left: { epoch: 5n, leastMs: -0.25, mostMs: 3, measuredAtMs: 17 }, right: undefined },
    intents: [{ kind: 'deletions', side: 'right', generation: 4, keys: ['a/b', ''] }],
    ...changes,
  };
}

/** A conflict whose two values have `bytes` bytes together. */
export function newConflict(atMs: number, changes: Partial<NewConflict> = {}, bytes = 2): NewConflict {
  const half = Math.floor(bytes / 2);
  return {
    key: 'a/b',
    kind: 'update-update',
    winner: 'left',
    rule: 'last-writer-wins',
    ambiguous: false,
    sides: {
      left: {
        value: new Uint8Array(half).fill(1),
        flags: 0n,
        version: { modified: 5n, created: 1n, revision: 2 },
        written: { earliestMs: -Infinity, latestMs: atMs },
      },
      right: {
        value: new Uint8Array(bytes - half).fill(2),
        flags: 2n ** 64n - 1n,
        version: undefined,
        written: { earliestMs: atMs - 1, latestMs: atMs },
      },
    },
    atMs,
    open: false,
    ...changes,
  };
}

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
);

const anyConflict: fc.Arbitrary<NewConflict> = fc
  .record({ atMs: fc.nat(100), open: fc.boolean(), isDeleted: fc.boolean() })
  .map(({ atMs, open, isDeleted }) => {
    const conflict = newConflict(atMs, { open });
    const { left, right } = conflict.sides;
    return isDeleted ? { ...conflict, sides: { left: { ...left, value: undefined }, right } } : conflict;
  });

/** Any commit on any of a few keys and journal entries. */
export const anyChanges: fc.Arbitrary<ArchiveChanges> = fc.record(
  {
    records: mapOf(fc.option(anyRecord, { nil: undefined })),
    marks: mapOf(fc.option(anyMark, { nil: undefined })),
    conflicts: fc.array(anyConflict, { maxLength: 3 }),
    settled: fc
      .array(fc.tuple(fc.integer({ min: 1, max: 20 }), fc.constantFrom('left' as const, 'right' as const)), {
        maxLength: 3,
      })
      .map((settled) => new Map(settled)),
    dropSettledBeforeMs: fc.nat(100),
    state: fc.nat().map((lastVerifiedAtMs) => mappingState({ lastVerifiedAtMs })),
  },
  { requiredKeys: [] },
);

function mapOf<T>(value: fc.Arbitrary<T>): fc.Arbitrary<ReadonlyMap<EntryKey, T>> {
  const key = fc.oneof(fc.constantFrom('a', 'a/b', 'a/b/c', 'a b', 'b', ''), anyKey);
  return fc.array(fc.tuple(key, value), { maxLength: 8 }).map((entries) => new Map(entries));
}
