import { startSizeHistory } from '../core/deletion-budget.js';
import { pairOf } from '../core/pair.js';
import type { MappingContext } from './context.js';
import type { MappingMemory } from './mapping-memory.js';

/** Entries that left the mapping because its patterns changed leave the archive; nothing is deleted anywhere. */
export async function sortOutOfScope(context: MappingContext, memory: MappingMemory): Promise<void> {
  const { scope } = context;
  if (memory.known.scope === scope.id) return;
  let last: string | undefined;
  for (;;) {
    const page = memory.archive.recordsAfter(last, 1_000);
    const outside = page.filter(([key]) => !scope.includes(key));
    const gone = new Map(outside.map(([key]) => [key, undefined] as const));
    if (gone.size > 0) await memory.commit(() => ({ records: gone, marks: gone }));
    last = page.at(-1)?.[0];
    if (last === undefined) break;
  }
  const sizes = startSizeHistory(context.clock.nowMs(), memory.archive.counts().entries);
  await memory.commit(({ ledgers }) => {
    const scopeSince = pairOf((side) => ledgers[side]?.version.modified ?? 0n);
    return { state: { scope: scope.id, scopeSince, sizes } };
  });
}
