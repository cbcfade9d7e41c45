import { setTimeout as sleep } from 'node:timers/promises';
import type { StoreName } from '../kit/history/history.js';
import type { SeededRandom } from '../kit/memory-store/seeded-random.js';
import type { MappingPlace } from './chaos-stage.js';
import { chooseKey, type ClientWrites } from './client-writes.js';
import type { StoreClient } from './store-clients.js';

const PAUSE_MAX_MS = 60;
const PAUSE_AFTER_ERROR_MS = 200;
const DELETIONS = 0.25;
const LARGE_VALUES = 0.03;
const LARGE_VALUE_BYTES = 30_000;

/** A program that keeps its configuration in one store: reads entries, sets, deletes and makes them again. */
export async function runWriter(
  store: StoreName,
  client: StoreClient,
  mappings: readonly MappingPlace[],
  writes: ClientWrites,
  random: SeededRandom,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const place = random.pick(mappings);
    const key = chooseKey(random);
    const isDeletion = random.chance(DELETIONS);
    const bytes = random.chance(LARGE_VALUES) ? LARGE_VALUE_BYTES : 0;
    let restMs = random.below(PAUSE_MAX_MS);
    try {
      const found = await client.read(place, key);
      if (!isDeletion || found.value !== undefined) {
        const value = isDeletion ? undefined : writes.newValue(store, bytes);
        const attempt = { store, key, value, replaced: { value: found.value } };
        const { outcome } = await writes.record(place.name, attempt, () =>
          client.write(place, key, value, found),
        );
        if (outcome === 'unknown') restMs = PAUSE_AFTER_ERROR_MS;
      }
    } catch {
      restMs = PAUSE_AFTER_ERROR_MS; // Nothing was written: the store does not answer just now.
    }
    await sleep(restMs);
  }
  await client.close();
}
