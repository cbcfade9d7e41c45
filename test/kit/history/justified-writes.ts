import type { Key, PerStore, StoreName, Value, Violation } from './history.js';
import { otherStore, show, STORES } from './history.js';
import type { EntryChange, StoreCommit, StoreReplaced, TimelineEvent } from './timeline.js';

const CHECKER = 'justified writes';

/** What one store holds of one key, and what has become of it since it was put there. */
interface Standing {
  readonly value: Value | undefined;
  /** A copy that may be the only one left counts as a client's. */
  by: 'client' | 'daemon';
  /** Since when it is there. */
  readonly sinceMs: number;
  /** When this incarnation of the key was created in place of an earlier one. */
  readonly recreatedMs: number | undefined;
  /** The other store held the same value at some moment since. */
  rested: boolean;
  /** After that, a client changed or deleted it at the other store. Until when that counts. */
  supersededUntilMs: number;
  /** The other store held nothing at some moment since. */
  otherWasAbsent: boolean;
  /**
   * The other store was replaced since, and nothing could tell a daemon so: what is missing there looks deleted. Or an
   * operator said that it is to go.
   */
  looksDeleted: boolean;
  /** This incarnation has had a value, or the other store the same key beside it: it is more than an inner node. */
  wasEntry: boolean;
}

export interface JustifiedWritesOptions {
  /**
   * How long a daemon's write may be under way since the reads that it was decided on: so long before it, a client may
   * have recreated a znode (the exception of S3) or put back a value without the daemon being able to see it.
   */
  readonly raceMs: number;
  /** Keys that sessions have owned at some time: their mirrors go with them, and nobody keeps those. */
  readonly everOwned?: ReadonlySet<Key>;
}

/**
 * S1, S3, S4 and S5 at every instant, as far as the stores' own commits tell. For each write of a daemon to an entry:
 *
 * - What it writes stood at the other store at some moment before, or at this one where an operator has something put
 *   back: nothing is invented.
 * - It replaces or deletes a client's value only if that very value had been at rest on both sides *and* a client then
 *   changed or deleted it at the other store (a later write of a client replaces it), or if a conflict with that value
 *   is durably in the journal at that instant.
 * - What it deletes with a value is in the trash at that instant, unless a session owned it at the other store.
 * - It deletes a copy that a daemon made only if the key was absent at the other store at some moment since the copy
 *   was made. Empty nodes and keys that a daemon made itself it may take away again, and so what a client emptied if
 *   the entry was deleted at the other store. A node that a client made as a mere parent stays.
 *
 * What is allowed besides, and why:
 * - a copy that a daemon made is replaced without further ado: the value of which it is the copy stands at the other
 *   store, or was itself replaced there under these rules;
 * - clients wrote the same value to both stores, which are read one after the other: a look may have met it at both,
 *   though the one had lost it to a client's later write when the other one got it;
 * - a client had deleted a value before a backup brought it back: if the deletion had been decided by then, the value is
 *   deleted, at both stores, and is in the trash;
 * - S3's exception: a client deleted and recreated a znode less than `raceMs` before the daemon's conditional write.
 *
 * Where a store is replaced (wiped, restored) and holds another value afterwards, the copy at the other one counts as a
 * client's value, since it may be the last one left, and what clients changed before no longer justifies anything. If
 * nothing could tell the daemon of it, it may delete that copy: it is in the trash. When
 * agreement begins anew, nothing counts as having been at rest unless it is then; what was decided before may arrive for
 * `raceMs`.
 */
export function checkJustifiedWrites(
  timeline: readonly TimelineEvent[],
  options: JustifiedWritesOptions,
): Violation[] {
  return auditOf(timeline, options).violations;
}

/** The values that fell under S3's exception: neither the stores nor the daemon could have kept them. */
export function valuesLostInRaces(
  timeline: readonly TimelineEvent[],
  options: JustifiedWritesOptions,
): readonly { readonly key: Key; readonly value: Value }[] {
  return auditOf(timeline, options).races;
}

function auditOf(timeline: readonly TimelineEvent[], options: JustifiedWritesOptions): Audit {
  const audit = new Audit(options);
  for (const event of timeline) audit.meet(event);
  return audit;
}

class Audit {
  readonly violations: Violation[] = [];
  readonly races: { readonly key: Key; readonly value: Value }[] = [];
  private readonly standing: PerStore<Map<Key, Standing>> = { zookeeper: new Map(), consul: new Map() };
  private readonly everHeld: PerStore<Map<Key, Set<Value>>> = { zookeeper: new Map(), consul: new Map() };
  private readonly journaled = new Map<Key, Set<Value>>();
  /** By key, what is in the trash as a store held it. */
  private readonly trashed = new Map<Key, Set<string>>();
  private readonly ordered = new Set<Key>();
  /** When a client last took a value away from a store, by key and value. */
  private readonly takenAway: PerStore<Map<string, number>> = { zookeeper: new Map(), consul: new Map() };

  constructor(private readonly options: JustifiedWritesOptions) {}

  meet(event: TimelineEvent): void {
    switch (event.kind) {
      case 'commit':
        for (const change of event.changes) {
          if (change.place === 'entry') this.change(event, change);
        }
        return;
      case 'replaced':
        this.replace(event);
        return;
      case 'journaled': {
        const values = this.journaled.get(event.key) ?? new Set();
        for (const store of STORES) values.add(event.values[store] ?? '');
        this.journaled.set(event.key, values);
        return;
      }
      case 'trashed': {
        const values = this.trashed.get(event.key) ?? new Set();
        this.trashed.set(event.key, values.add(`${event.store} ${event.value}`));
        return;
      }
      case 'ordered':
        this.ordered.add(event.key);
        for (const store of STORES) {
          const standing = this.at(store, event.key);
          if (standing !== undefined) standing.looksDeleted = true;
        }
        return;
      case 'agreement-restarted':
        for (const store of STORES) {
          for (const standing of this.standing[store].values()) this.restart(standing, event.atMs);
        }
        for (const key of this.standing.zookeeper.keys()) this.compare(key, event.atMs);
    }
  }

  private restart(standing: Standing, atMs: number): void {
    const mayBeDecided = standing.rested && standing.supersededUntilMs > atMs;
    distrust(standing, mayBeDecided, mayBeDecided ? atMs + this.options.raceMs : -Infinity);
  }

  /** Entries that are as they were have lost nothing. */
  private replace({ store, contents, atMs, isUnnoticeable = false }: StoreReplaced): void {
    for (const key of new Set([...this.standing[store].keys(), ...contents.keys()])) {
      const value = contents.get(key);
      const lost = this.at(store, key);
      if (lost?.value === value) continue;
      const copy = this.at(otherStore(store), key);
      if (copy !== undefined && !this.cameAfter(store, key, value, copy.value)) {
        const untilMs = atMs + this.options.raceMs;
        // A client had replaced the original of that copy before it was made.
        if (copy.by === 'daemon' && !copy.rested)
          Object.assign(copy, { rested: true, supersededUntilMs: untilMs });
        distrust(copy, copy.rested, untilMs);
        copy.looksDeleted = isUnnoticeable && value === undefined;
      }
      this.put(store, key, { value, by: 'client', sinceMs: atMs, recreatedMs: undefined });
      const restored = this.at(store, key);
      // What came back had been replaced or deleted at the other store before.
      const wasThere = value !== undefined && this.everHeld[otherStore(store)].get(key)?.has(value) === true;
      if (restored !== undefined && wasThere && copy?.value !== value) {
        restored.rested = true;
        restored.supersededUntilMs = Infinity;
      }
      // What was decided on its deletion before the backup brought it back may still be carried out, at both stores.
      if (restored !== undefined && this.takenAway[store].has(`${key} ${value ?? ''}`))
        restored.looksDeleted = true;
      this.compare(key, atMs);
    }
  }

  /** Whether a store has held `value` later than `earlier`, as far as it ever held both. */
  private cameAfter(
    store: StoreName,
    key: Key,
    value: Value | undefined,
    earlier: Value | undefined,
  ): boolean {
    const held = [...(this.everHeld[store].get(key) ?? [])];
    if (value === undefined || earlier === undefined || !held.includes(earlier)) return false;
    return held.indexOf(value) > held.indexOf(earlier);
  }

  private change(commit: StoreCommit, change: EntryChange): void {
    const { store, writer, atMs } = commit;
    const { key, after } = change;
    if (writer === 'daemon') this.judge(commit, change);
    const before = this.at(store, key);
    const isRecreated = before !== undefined && before.value === undefined;
    const recreatedMs = isRecreated ? atMs : before?.recreatedMs;
    this.put(store, key, { value: after, by: writer, sinceMs: atMs, recreatedMs });
    if (writer === 'client') this.noteTakenAway(store, key, before?.value, atMs);
    const other = this.at(otherStore(store), key);
    if (writer === 'client' && other?.rested === true) other.supersededUntilMs = Infinity;
    this.compare(key, atMs);
  }

  /** Both stores are read one after the other: a value may have been seen at both, though never at once. */
  private noteTakenAway(store: StoreName, key: Key, before: Value | undefined, atMs: number): void {
    this.takenAway[store].set(`${key} ${before ?? ''}`, atMs);
    const standing = this.at(store, key);
    const takenAwayMs = this.takenAway[otherStore(store)].get(`${key} ${standing?.value ?? ''}`) ?? -Infinity;
    if (standing === undefined || atMs - takenAwayMs > this.options.raceMs) return;
    standing.rested = true;
    standing.supersededUntilMs = atMs + this.options.raceMs;
  }

  private judge(commit: StoreCommit, change: EntryChange): void {
    const reason =
      this.invention(commit, change) ?? this.unjustified(commit, change) ?? this.notKept(commit, change);
    if (reason === undefined) return;
    const { store, atMs, number } = commit;
    const done = `at ${atMs} ms (${number}), the daemon made ${show(change.before)} ${show(change.after)} at ${store}`;
    this.violations.push({ checker: CHECKER, key: change.key, explanation: `${done}: ${reason}` });
  }

  private invention({ store }: StoreCommit, { key, after }: EntryChange): string | undefined {
    if (after === undefined || after === '') return undefined;
    const held = this.everHeld[otherStore(store)].get(key)?.has(after) === true;
    const isPutBack = this.ordered.has(key) && this.everHeld[store].get(key)?.has(after) === true;
    return held || isPutBack ? undefined : 'the other store has never held that value';
  }

  private notKept({ store, atMs }: StoreCommit, { key, after }: EntryChange): string | undefined {
    const standing = this.at(store, key);
    const value = standing?.value;
    if (after !== undefined || value === undefined || value === '') return undefined;
    if (this.isInTrash(store, key, value) || this.options.everOwned?.has(key) === true) return undefined;
    const recreatedMs = standing?.recreatedMs ?? -Infinity;
    if (store === 'zookeeper' && atMs - recreatedMs <= this.options.raceMs) return undefined;
    return 'what it deleted is not in the trash';
  }

  private isInTrash(store: StoreName, key: Key, value: Value): boolean {
    return this.trashed.get(key)?.has(`${store} ${value}`) === true;
  }

  private unjustified({ store, atMs }: StoreCommit, { key, after }: EntryChange): string | undefined {
    const standing = this.at(store, key);
    if (standing?.value === undefined || standing.value === after) return undefined;
    const { value, by, rested, supersededUntilMs, otherWasAbsent, wasEntry, recreatedMs } = standing;
    const removes = after === undefined || after === '';
    if (value === '' && (by === 'daemon' || !removes || (wasEntry && otherWasAbsent))) return undefined;
    if (this.journaled.get(key)?.has(value) === true) return undefined;
    if (removes && standing.looksDeleted && this.isInTrash(store, key, value)) return undefined;
    if (by === 'daemon') {
      return removes && !otherWasAbsent ? 'the other store has held the entry ever since' : undefined;
    }
    if (rested && atMs <= supersededUntilMs) return undefined;
    const isRace = recreatedMs !== undefined && atMs - recreatedMs <= this.options.raceMs;
    if (store === 'zookeeper' && isRace) {
      this.races.push({ key, value });
      return undefined;
    }
    return rested
      ? 'a client wrote it, no client has changed it at the other store since both had it, and no journal has it'
      : 'a client wrote it, the other store has not held it since, and no journal has it';
  }

  private compare(key: Key, atMs: number): void {
    for (const store of STORES) {
      const mine = this.at(store, key);
      const other = this.at(otherStore(store), key)?.value;
      if (mine === undefined) continue;
      if (other === undefined || other === '') mine.otherWasAbsent = true;
      if (other !== undefined) mine.wasEntry = true;
      if (mine.value !== other) continue;
      mine.rested = true;
      // A client has put back what it had changed: what it wrote in between may still be on its way.
      mine.supersededUntilMs = Math.min(mine.supersededUntilMs, atMs + this.options.raceMs);
    }
  }

  private put(
    store: StoreName,
    key: Key,
    put: Pick<Standing, 'value' | 'by' | 'sinceMs' | 'recreatedMs'>,
  ): void {
    const { value } = put;
    const before = this.at(store, key);
    const wasEntry = value !== '' || (before?.value !== undefined && before.wasEntry);
    const fresh = {
      ...{ rested: false, supersededUntilMs: -Infinity, otherWasAbsent: false, looksDeleted: false },
      wasEntry,
    };
    this.standing[store].set(key, { ...put, ...fresh });
    if (value === undefined) return;
    const held = this.everHeld[store].get(key) ?? new Set();
    // The latest last.
    held.delete(value);
    this.everHeld[store].set(key, held.add(value));
  }

  private at(store: StoreName, key: Key): Standing | undefined {
    return this.standing[store].get(key);
  }
}

/** A copy may be all that is left. What was decided before may still be on its way. */
function distrust(standing: Standing, rested: boolean, supersededUntilMs: number): void {
  standing.by = 'client';
  standing.rested = rested;
  standing.supersededUntilMs = Math.min(standing.supersededUntilMs, supersededUntilMs);
}
