import type { EntryKey } from '../core/observation.js';
import type { Loss } from './service-record.js';

/** What copies can't hold, of all instances that have it. */
export interface LossCount extends Loss {
  readonly instances: number;
  /** One of them. */
  readonly example: EntryKey;
}

/** More fields than that are told as one. */
const FIELDS_MAX = 100;
const OTHERS = 'others';
/** Instances of one field that are told apart. */
const INSTANCES_MAX = 100_000;

/** Counts the instances of which copies can't hold everything, by field; each once, however often it is read. */
export class LossCounts {
  private readonly fields = new Map<string, { readonly why: string; readonly keys: Set<EntryKey> }>();

  note(key: EntryKey, losses: readonly Loss[]): void {
    for (const { field, why } of losses) {
      const isKnown = this.fields.has(field) || this.fields.size < FIELDS_MAX;
      const name = isKnown ? field : OTHERS;
      const known = this.fields.get(name) ?? { why, keys: new Set() };
      this.fields.set(name, known);
      if (known.keys.size < INSTANCES_MAX) known.keys.add(key);
    }
  }

  get counts(): readonly LossCount[] {
    return [...this.fields].flatMap(([field, { why, keys }]) => {
      const [example] = keys;
      return example === undefined ? [] : [{ field, why, instances: keys.size, example }];
    });
  }
}
