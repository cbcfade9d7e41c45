import type { EntryKey, KeyPrefix } from '../core/observation.js';

/** One instance of a service in a catalog, as far as entries are made of it. */
export interface CatalogRegistration {
  readonly node: string;
  /** Unique on its node. */
  readonly id: string;
  readonly service: string;
  /** Where its clients connect to: its own, or that of its node. */
  readonly address: string;
  readonly port: number;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  /** While its checks pass. 1 unless it is said. */
  readonly weight: number;
  /** Of a copy: somebody has changed its check, so that it does not pass, or has taken it away. */
  readonly isDown?: boolean;
}

/** Which registration of the catalog an entry is. */
export interface CatalogPlace {
  /** `copy`: the daemon's own registration. `original`: somebody else's, which is only read. */
  readonly kind: 'copy' | 'original';
  readonly node: string;
  readonly id: string;
  readonly service: string;
}

/** The node that stands for all copies; no agent's, which would take away what it does not know. */
export interface CatalogNode {
  readonly name: string;
  readonly meta: Readonly<Record<string, string>>;
}

/** A part of an instance that its copy elsewhere can't hold. */
export interface NotCarried {
  readonly field: string;
  readonly why: string;
}

/** What entries are in a catalog. Pure: the same key and value always mean the same registration, and back. */
export interface CatalogTranslation {
  readonly node: CatalogNode;
  /** Undefined where the entry is none of a service's, or another deployment's. */
  placeOf(key: EntryKey): CatalogPlace | undefined;
  /** The entry of a registration that takes part; undefined for others. */
  keyOf(registration: CatalogRegistration): EntryKey | undefined;
  /** Whether it is marked as this deployment's copy. */
  isOwn(registration: CatalogRegistration): boolean;
  valueOf(registration: CatalogRegistration): Uint8Array;
  /** What the tree can't hold of somebody's own registration. */
  lossesOf(registration: CatalogRegistration): readonly NotCarried[];
  /** The registration of a copy. */
  registrationOf(key: EntryKey, value: Uint8Array): CatalogRegistration;
  /** Whether instances of this name may take part, so that they are worth asking for. */
  wantsService(name: string): boolean;
  /** Where the entries of such instances are, copies and originals alike. */
  prefixOf(service: string): KeyPrefix;
}
