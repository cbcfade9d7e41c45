import { compareKeys } from '../../core/key-order.js';
import type { EntryKey, KeyPrefix } from '../../core/observation.js';
import type { ScannedEntry } from '../../ports/replica.js';
import { inOrderAhead } from '../in-order-ahead.js';
import { hasUrl } from '../kv-keys.js';
import { chunks } from '../settled-reads.js';
import type { HealthyOrNot } from './catalog-client.js';
import { instanceReading, REQUESTS_AHEAD } from './catalog-reads.js';
import type { CatalogContext } from './catalog-reads.js';

const PAGE_MAX = 512;

/**
 * Walks all instances that take part, service by service. Keys are in another order than services, so that all of them
 * are taken into memory first: Consul has no pages, and tens of thousands of instances are few.
 * @param noteWalked told of the services before any of their instances
 */
export async function* scanCatalog(
  context: CatalogContext,
  within: KeyPrefix,
  noteWalked: (names: readonly string[]) => void,
  signal: AbortSignal,
): AsyncGenerator<readonly ScannedEntry[]> {
  const wanted = wantedNames(context, await context.client.services(signal), within);
  noteWalked(wanted);
  const names = new Set(wanted);
  // Copies of what is left out by now, which the archive may know nothing of.
  const onNode = await context.client.servicesOn(context.translation.node.name, signal);
  for (const name of onNode ?? []) if (hasUrl(name) && overlaps(context, name, within)) names.add(name);
  const entries = new Map<EntryKey, ScannedEntry>();
  const list = (name: string, listSignal: AbortSignal) => context.client.instances(name, listSignal);
  for await (const instances of inOrderAhead(names, REQUESTS_AHEAD, list, signal)) {
    for (const instance of instances) {
      const entry = scanned(context, instance);
      if (entry?.key.startsWith(within) === true) entries.set(entry.key, entry);
    }
  }
  const ordered = [...entries.values()].sort((a, b) => compareKeys(a.key, b.key));
  yield* chunks(ordered, PAGE_MAX);
}

/** Services that may have entries below `within`. A name that no URL carries can't be asked for. */
export function wantedNames(context: CatalogContext, names: readonly string[], within: KeyPrefix): string[] {
  const { translation } = context;
  return names.filter((name) => {
    return hasUrl(name) && translation.wantsService(name) && overlaps(context, name, within);
  });
}

function overlaps({ translation }: CatalogContext, name: string, within: KeyPrefix): boolean {
  const prefix = translation.prefixOf(name);
  return prefix.startsWith(within) || within.startsWith(prefix);
}

function scanned(context: CatalogContext, instance: HealthyOrNot): ScannedEntry | undefined {
  const key = context.translation.keyOf(instance.registration);
  const reading = key === undefined ? undefined : instanceReading(context, key, instance);
  if (key === undefined || reading?.kind !== 'present') return undefined;
  return { key, version: reading.version, empty: false, children: 0, reading: () => reading };
}
