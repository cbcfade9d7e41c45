import type { Focus } from '../generate-plan.js';

/** A bug that somebody could make in one place. */
export interface PlantedBug<F = Focus> {
  readonly name: string;
  /** Where, from the root of the project, and what is replaced there: found exactly once. */
  readonly file: string;
  readonly before: string;
  readonly after: string;
  /** What it would do in production. */
  readonly harm: string;
  /** The checkers of which at least one is to see it. */
  readonly seenBy: readonly string[];
  /** What the plans are about, so that it shows soon. */
  readonly focus: F;
  /** In so many seeds, from the first, it has to be seen: a few times as many as it took. */
  readonly seedsMax: number;
}

const CLIENTS: Focus = { acts: [] };
const CRASHES: Focus = { acts: ['lose-replies', 'crash', 'delay-writes', 'lose-requests'] };
const BACKUPS: Focus = { acts: ['snapshot', 'restore', 'wipe'] };
const PERMISSIONS: Focus = { acts: ['deny'] };
/** Nothing is made good by a verification. */
const CONNECTIONS: Focus = { acts: ['disconnect', 'fail-reads'], setup: { verifyEveryMs: 24 * 3_600_000 } };

const FLAT = 'test/kit/memory-store/memory-flat-replica.ts';
const TREE_BATCH = 'test/kit/memory-store/tree-batch.ts';
const LOSS = ['no loss', 'exact loss', 'justified writes'];

/** Bugs of the core and the loop, and of what stands in for the adapters. */
export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    name: 'an update in Consul without its condition',
    file: FLAT,
    before: `return { kind: 'cas', key: stored, value: operation.value, flags, index: version.modified };`,
    after: `return version && { kind: 'set', key: stored, value: operation.value, flags };`,
    harm: 'a value that a client writes while the daemon decides is overwritten',
    seenBy: LOSS,
    focus: CLIENTS,
    seedsMax: 150,
  },
  {
    name: 'a create in Consul that replaces what is there',
    file: FLAT,
    before: `return { kind: 'cas', key: stored, value: operation.value, flags: operation.flags ?? 0n, index: 0n };`,
    after: `return { kind: 'set', key: stored, value: operation.value, flags: 0n };`,
    harm: 'a key that a client creates while the daemon decides is overwritten',
    seenBy: LOSS,
    focus: CLIENTS,
    seedsMax: 250,
  },
  {
    name: 'a delete in Consul without its condition',
    file: FLAT,
    before: `return { kind: 'delete-cas', key: stored, index: operation.base.version.modified };`,
    after: `return { kind: 'delete', key: stored };`,
    harm: 'a value that a client writes while the daemon decides is deleted',
    seenBy: LOSS,
    focus: CLIENTS,
    seedsMax: 250,
  },
  {
    name: 'an update in ZooKeeper without its version',
    file: TREE_BATCH,
    before: `return [step({ kind: 'set', path, data: operation.value, version })];`,
    after: `return [step({ kind: 'set', path, data: operation.value })];`,
    harm: 'data that a client writes while the daemon decides is overwritten',
    seenBy: LOSS,
    focus: CLIENTS,
    seedsMax: 100,
  },
  {
    name: 'a prefix index taken for a version',
    file: FLAT,
    before: `kind: 'present',\n      version: versionOf(entry),`,
    after: `kind: 'present',\n      version: { ...versionOf(entry), modified: flat.prefixIndex(prefix) },`,
    harm: 'conditions never hold, and an entry is never in step again',
    seenBy: ['convergence', 'bounded memory', ...LOSS],
    focus: CLIENTS,
    seedsMax: 50,
  },
  {
    name: 'a shrunken answer trusted',
    file: FLAT,
    before: `if (this.#isDenied(prefix + key)) return { kind: 'unknown', reason: 'denied' };`,
    after: `if (this.#isDenied(prefix + key)) return { kind: 'absent' };`,
    harm: 'a token that loses a permission makes the daemon delete znodes',
    seenBy: LOSS,
    focus: PERMISSIONS,
    seedsMax: 150,
  },
  {
    name: 'what did not fit into an answer taken for absent',
    file: 'test/kit/memory-store/bounded-reads.ts',
    before: `readings.set(key, isFull ? { kind: 'unknown', reason: 'not-read' } : reading);`,
    after: `readings.set(key, isFull ? { kind: 'absent' } : reading);`,
    harm: 'entries with large values are deleted',
    seenBy: ['convergence', ...LOSS],
    focus: CLIENTS,
    seedsMax: 250,
  },
  {
    name: 'no rescan after a reconnect',
    file: 'src/sync/attention.ts',
    before: `        this.requestSweep(side, reason);\n      },`,
    after: `        if (reason !== 'reconnect') this.requestSweep(side, reason);\n      },`,
    harm: 'what clients do while a connection is broken is found by the next verification only',
    seenBy: ['convergence', ...LOSS],
    focus: CONNECTIONS,
    seedsMax: 60,
  },
  {
    name: 'marks forgotten when a read fails',
    file: 'src/sync/mapping-sync.ts',
    before: `      this.attention.putBack(marks);\n      throw error;`,
    after: `      throw error;`,
    harm: 'a change that is noticed while a store is unreachable is forgotten',
    seenBy: ['convergence', ...LOSS],
    focus: CONNECTIONS,
    seedsMax: 100,
  },
  {
    name: 'the ledger left out of a batch of one',
    file: 'src/sync/batch-writer.ts',
    before: `const sent = oversize ? undefined : this.ledgers.next(side, ledgeredBatch(items));`,
    after: `const sent = oversize || items.length === 1 ? undefined : this.ledgers.next(side, ledgeredBatch(items));`,
    harm: "a write whose reply is lost is taken for a client's, and brings back what was deleted since",
    seenBy: ['no resurrection', ...LOSS],
    focus: CRASHES,
    seedsMax: 250,
  },
  {
    name: "the daemon's own writes not recognised",
    file: 'src/sync/examine.ts',
    before: `return isNumbered || isAnnounced(`,
    after: `return isAnnounced(`,
    harm: "a write that was not recorded before a crash is taken for a client's",
    seenBy: ['no resurrection', ...LOSS],
    focus: CRASHES,
    seedsMax: 250,
  },
  {
    name: 'a conflict decided without the journal',
    file: 'src/sync/round-record.ts',
    before: `const conflicts = entered.map((conflict) => this.newConflict(conflict));`,
    after: `const conflicts = entered.slice(1).map((conflict) => this.newConflict(conflict));`,
    harm: 'the losers of conflicts are gone for good',
    seenBy: LOSS,
    focus: CLIENTS,
    seedsMax: 30,
  },
  {
    name: 'another version taken for a rewrite of the same content',
    file: 'src/core/classify.ts',
    before: `return reading.digest === agreement.digest ? 'moved' : 'dirty';`,
    after: `return reading.value.length > 0 ? 'moved' : 'dirty';`,
    harm: 'updates are recorded as agreed on, and never carried over',
    seenBy: ['convergence', ...LOSS],
    focus: CLIENTS,
    seedsMax: 20,
  },
  {
    name: 'a ledger below the known one taken for whole',
    file: 'src/core/ledger.ts',
    before: `if (ledger.generation < mirror.generation || version.modified < mirror.version.modified) return true;`,
    after: `if (ledger.generation < mirror.generation && version.modified > mirror.version.modified) return true;`,
    harm: 'what a restored backup lacks is deleted on the other side',
    seenBy: LOSS,
    focus: BACKUPS,
    seedsMax: 30,
  },
  {
    name: 'a missing ledger taken for one that never was',
    file: 'src/core/ledger.ts',
    before: `if (mirror === undefined || standsForAnotherPair(mirror)) return { kind: 'whole', mirror: undefined };`,
    after: `return { kind: 'whole', mirror: undefined };`,
    harm: 'a wiped store empties the other one',
    seenBy: LOSS,
    focus: BACKUPS,
    seedsMax: 60,
  },
  {
    name: 'deletions without a look at the ledgers',
    file: 'src/sync/drain.ts',
    before: `const needsLedgers = proven.length + work.openConflicts.length > 0;`,
    after: `const needsLedgers = signal.aborted;`,
    harm: 'a store that is replaced while the daemon runs has its absences believed',
    seenBy: LOSS,
    focus: BACKUPS,
    seedsMax: 30,
  },
  {
    name: 'a deletion without the trash',
    file: 'src/sync/round-record.ts',
    before: `const trash = entering.flatMap((one) => one.trash ?? []);`,
    after: `const trash = entering.slice(1).flatMap((one) => one.trash ?? []);`,
    harm: 'what was deleted, or lost by a store with its latest second, is gone for good',
    seenBy: LOSS,
    focus: CLIENTS,
    seedsMax: 30,
  },
];
