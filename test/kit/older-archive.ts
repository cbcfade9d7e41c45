import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatRecord } from '../../src/archive/archive-directory.js';
import { LmdbStore } from '../../src/archive/lmdb-store.js';
import type { Change } from '../../src/archive/lmdb-store.js';
import { tableKey, wholeRange } from '../../src/archive/tables.js';
import { decodeValue, encodeValue } from '../../src/archive/value-codec.js';
import type { LedgerMirror, MappingState } from '../../src/core/mapping-state.js';
import { pairOf } from '../../src/core/pair.js';

/**
 * Makes of a closed archive what the version that wrote format 1 would have left in its place: states without what they
 * have gained since, under the older number.
 */
export async function downgradeToFormat1(path: string): Promise<void> {
  const store = LmdbStore.open(join(path, 'data'));
  const changes: Change[] = [{ key: tableKey('format'), value: formatRecord(1) }];
  for (const key of store.allKeys(wholeRange('state'))) {
    const state = decodeValue(store.get(key) ?? Buffer.alloc(0)) as MappingState;
    changes.push({ key, value: encodeValue(asInFormat1(state)) });
  }
  await store.write(changes);
  await store.close();
  const file = join(path, 'data', 'format.json');
  await writeFile(file, (await readFile(file, 'utf8')).replace('"version":2', '"version":1'));
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
