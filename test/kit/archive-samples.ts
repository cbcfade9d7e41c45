import type { EntryRecord, StructureRecord } from '../../src/core/archive-record.js';
import { startOverwriteHistory, startSizeHistory } from '../../src/core/deletion-budget.js';
import type { MappingState } from '../../src/core/mapping-state.js';
import type { Order } from '../../src/core/order.js';
import type { NewConflict } from '../../src/ports/archive.js';
import type { NewTrash } from '../../src/ports/trash.js';

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
    kept: 'led',
    ledgers: {
      left: {
        version: { modified: 2n ** 63n, created: 7n, revision: 2 },
        generation: 3,
        recent: [1n, 2n ** 64n - 1n],
        writer: 'daemon-1',
        paused: false,
        copied: 'abcd',
      },
      right: undefined,
    },
    ledgerless: ['right'],
    holds: [{ reason: 'rolled-back', sinceMs: 1_750_000_000_000, detail: 'läuft zurück', side: undefined }],
    paused: false,
    resyncFrom: undefined,
    lastSweptAtMs: { left: 1, right: undefined },
    scope: '**',
    scopeSince: { left: 5n, right: 0n },
    firstCompletedAtMs: undefined,
    lastVerifiedAtMs: 1_750_000_000_000.5,
    sizes: startSizeHistory(-Infinity, 5),
    overwrites: startOverwriteHistory(0),
    sightings: { left: [{ atMs: -Infinity, version: 9n }], right: [] },
    unrecorded: { left: [], right: [21n] },
    clockOffsets: { left: { epoch: 5n, leastMs: -0.25, mostMs: 3, measuredAtMs: 17 }, right: undefined },
    intents: [{ kind: 'deletions', side: 'right', generation: 4, writer: 'daemon-1', keys: ['a/b', ''] }],
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

/** A deleted value of so many bytes. */
export function newTrash(atMs: number, changes: Partial<NewTrash> = {}, bytes = 2): NewTrash {
  return {
    key: 'a/b',
    side: 'right',
    value: new Uint8Array(bytes).fill(3),
    flags: 2n ** 64n - 1n,
    access: undefined,
    version: { modified: BigInt(atMs), created: BigInt(atMs), revision: 0 },
    inner: false,
    writtenAtMs: undefined,
    atMs,
    ...changes,
  };
}

export function order(id: number): Order {
  const version = { modified: 2n ** 63n, created: 7n, revision: 2 };
  return {
    content: { value: new Uint8Array([1, 0, id]), digest: 'digest', flags: 2n ** 64n - 1n, access: '[]' },
    replaces: { left: undefined, right: { version, digest: 'other' } },
    origin: { kind: 'trash', id },
  };
}
