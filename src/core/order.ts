import type { Digest } from './observation.js';
import type { Pair } from './pair.js';
import type { Version } from './version.js';

/** What a person has ordered to stand on both sides of one entry: something from the trash, or from the journal. */
export interface Order {
  /** Undefined: nothing is to stand. */
  readonly content: OrderedContent | undefined;
  /** What stood on each side when it was ordered: nothing else may be replaced. Undefined where nothing did. */
  readonly replaces: Pair<Replaceable | undefined>;
  readonly origin: { readonly kind: 'trash' | 'conflict'; readonly id: number };
}

export interface OrderedContent {
  readonly value: Uint8Array;
  readonly digest: Digest;
  /** For a store that has flags, where the entry is made anew there. */
  readonly flags: bigint;
  /** Likewise, who may do what with it; undefined where that is not known. */
  readonly access: string | undefined;
}

export interface Replaceable {
  readonly version: Version;
  readonly digest: Digest;
}
