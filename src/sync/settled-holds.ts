import type { MappingMemory } from './mapping-memory.js';

/** A hold of deletions or overwrites stands as long as any of them is held back. */
export async function liftSettledHolds(memory: MappingMemory): Promise<void> {
  const counts = memory.archive.markCounts();
  for (const [reason, kind] of [
    ['mass-deletion', 'held-deletion'],
    ['mass-conflict', 'held-overwrite'],
  ] as const) {
    const stands = memory.known.holds.some((hold) => hold.reason === reason);
    if (stands && (counts.get(kind) ?? 0) === 0) await memory.dropHold(reason);
  }
}
