import type { LedgerMirror, MappingState, WriteIntent } from '../core/mapping-state.js';
import { pairOf } from '../core/pair.js';
import { FORMAT_RECORD, formatRecord } from './archive-directory.js';
import type { Change, LmdbStore } from './lmdb-store.js';
import { tableKey, wholeRange } from './tables.js';
import { decodeValue, encodeValue } from './value-codec.js';

/** What format 1 did not have: it was written before several daemons could share the mappings. */
type Added = 'kept' | 'unrecorded' | 'ledgers' | 'intents';
type MirrorOf1 = Omit<LedgerMirror, 'writer' | 'paused' | 'copied'>;
type StateOf1 = Omit<MappingState, Added> & {
  readonly ledgers: { readonly left: MirrorOf1 | undefined; readonly right: MirrorOf1 | undefined };
  readonly intents: readonly object[];
};

/**
 * Brings an archive of an older format to the present one, as a whole or not at all.
 * @returns false when it is of no format that is known
 */
export async function upgradeFormat(store: LmdbStore): Promise<boolean> {
  const found = store.get(tableKey('format'));
  if (found?.equals(FORMAT_RECORD) === true) return true;
  if (found?.equals(formatRecord(1)) !== true) return false;
  const changes: Change[] = [{ key: tableKey('format'), value: FORMAT_RECORD }];
  for (const key of store.allKeys(wholeRange('state'))) {
    const bytes = store.get(key);
    if (bytes !== undefined)
      changes.push({ key, value: encodeValue(upgraded(decodeValue(bytes) as StateOf1)) });
  }
  await store.write(changes);
  return true;
}

/** A daemon that was alone had led, and all of its ledgers were its own. */
function upgraded(state: StateOf1): MappingState {
  const mirror = (known: MirrorOf1 | undefined): LedgerMirror | undefined =>
    known && { ...known, writer: undefined, paused: false, copied: undefined };
  const intents = state.intents.map((intent) => ({ writer: undefined, ...intent }) as WriteIntent);
  const ledgers = pairOf((side) => mirror(state.ledgers[side]));
  return { unrecorded: { left: [], right: [] }, ...state, kept: 'led', ledgers, intents };
}
