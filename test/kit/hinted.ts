import type { EntryKey } from '../../src/core/observation.js';
import type { PartView } from '../../src/ports/replica.js';

/** Whether a view says anything of an entry: how it is, or that it is not there. */
export function speaksOf({ within, except }: PartView, key: EntryKey): boolean {
  return key.startsWith(within) && !except.some((part) => key.startsWith(part));
}
