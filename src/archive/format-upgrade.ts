import type { LedgerMirror, MappingState, WriteIntent } from '../core/mapping-state.js';
import { pairOf } from '../core/pair.js';
import { FORMAT_RECORD, formatRecord } from './archive-directory.js';
import type { Change, LmdbStore } from './lmdb-store.js';
import { tableKey, wholeRange } from './tables.js';
import { EMPTY_TRASH } from './tallies.js';
import type { JournalTally } from './tallies.js';
import { decodeValue, encodeValue } from './value-codec.js';

/** What format 1 did not have: it was written before several daemons could share the mappings. */
type Added = 'kept' | 'unrecorded' | 'ledgers' | 'intents';
type MirrorOf1 = Omit<LedgerMirror, 'writer' | 'paused' | 'copied'>;
type StateOf1 = Omit<MappingState, Added> & {
  readonly ledgers: { readonly left: MirrorOf1 | undefined; readonly right: MirrorOf1 | undefined };
  readonly intents: readonly object[];
};

/** What formats 1 and 2 did not have: they kept nothing of what was deleted. */
interface MappingOf2 {
  readonly journal: Omit<JournalTally, keyof typeof EMPTY_TRASH>;
}

/**
 * Brings an archive of an older format to the present one, as a whole or not at all.
 * @returns false when it is of no format that is known
 */
export async function upgradeFormat(store: LmdbStore): Promise<boolean> {
  const found = store.get(tableKey('format'));
  if (found?.equals(FORMAT_RECORD) === true) return true;
  const version = [1, 2].find((older) => found?.equals(formatRecord(older)) === true);
  if (version === undefined) return false;
  const changes: Change[] = [{ key: tableKey('format'), value: FORMAT_RECORD }];
  if (version === 1) changes.push(...changed<StateOf1>(store, 'state', stateFrom1));
  changes.push(...changed<MappingOf2>(store, 'mapping', mappingFrom2));
  await store.write(changes);
  return true;
}

function* changed<T>(
  store: LmdbStore,
  table: 'state' | 'mapping',
  upgraded: (old: T) => object,
): Generator<Change> {
  for (const key of store.allKeys(wholeRange(table))) {
    const bytes = store.get(key);
    if (bytes !== undefined) yield { key, value: encodeValue(upgraded(decodeValue(bytes) as T)) };
  }
}

/** A daemon that was alone had led, and all of its ledgers were its own. */
function stateFrom1(state: StateOf1): MappingState {
  const mirror = (known: MirrorOf1 | undefined): LedgerMirror | undefined =>
    known && { ...known, writer: undefined, paused: false, copied: undefined };
  const intents = state.intents.map((intent) => ({ writer: undefined, ...intent }) as WriteIntent);
  const ledgers = pairOf((side) => mirror(state.ledgers[side]));
  return { unrecorded: { left: [], right: [] }, ...state, kept: 'led', ledgers, intents };
}

function mappingFrom2(mapping: MappingOf2): object {
  return { ...mapping, journal: { ...mapping.journal, ...EMPTY_TRASH } };
}
