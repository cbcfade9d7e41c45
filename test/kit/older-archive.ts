import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatRecord } from '../../src/archive/archive-directory.js';
import { LmdbStore } from '../../src/archive/lmdb-store.js';
import type { Change } from '../../src/archive/lmdb-store.js';
import { tableKey, wholeRange } from '../../src/archive/tables.js';
import type { JournalTally } from '../../src/archive/tallies.js';
import { decodeValue, encodeValue } from '../../src/archive/value-codec.js';
import type { LedgerMirror, MappingState } from '../../src/core/mapping-state.js';
import { pairOf } from '../../src/core/pair.js';

/**
 * Makes of a closed archive what the version that wrote an older format would have left in its place: states and tallies
 * without what they have gained since, under the older number.
 */
export async function downgrade(path: string, version: 1 | 2): Promise<void> {
  const store = LmdbStore.open(join(path, 'data'));
  const changes: Change[] = [{ key: tableKey('format'), value: formatRecord(version) }];
  const stored = (key: Buffer): unknown => decodeValue(store.get(key) ?? Buffer.alloc(0));
  for (const key of version === 1 ? store.allKeys(wholeRange('state')) : []) {
    changes.push({ key, value: encodeValue(asInFormat1(stored(key) as MappingState)) });
  }
  for (const key of store.allKeys(wholeRange('mapping'))) {
    const { journal, ...rest } = stored(key) as { journal: JournalTally };
    const { trash: _trash, nextTrashId: _nextTrashId, ...older } = journal;
    changes.push({ key, value: encodeValue({ ...rest, journal: older }) });
  }
  await store.write(changes);
  await store.close();
  const file = join(path, 'data', 'format.json');
  await writeFile(file, (await readFile(file, 'utf8')).replace(/"version":\d+/, `"version":${version}`));
}

export function asInFormat1({ kept: _kept, unrecorded: _unrecorded, ...state }: MappingState): object {
  const mirror = (known: LedgerMirror | undefined): object | undefined => {
    if (known === undefined) return undefined;
    const { writer: _writer, paused: _paused, copied: _copied, ...rest } = known;
    return rest;
  };
  const intents = state.intents.map((intent) => {
    if (intent.kind !== 'deletions') return intent;
    const { writer: _writer, ...rest } = intent;
    return rest;
  });
  return { ...state, ledgers: pairOf((side) => mirror(state.ledgers[side])), intents };
}
