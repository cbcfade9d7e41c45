import type { EntryKey } from '../../core/observation.js';
import type { Origin } from '../origin.js';
import type { Fitted, Loss, ServiceRecord } from '../service-record.js';

/** Where an instance stands below the base of its tree. */
export interface InstancePlace {
  /** The service's name, which may hold slashes. */
  readonly service: string;
  /** The name of the instance's own node. */
  readonly id: string;
}

export type Parsed =
  | { readonly kind: 'up'; readonly record: ServiceRecord; readonly losses: readonly Loss[] }
  /** It is registered, and wants no traffic. */
  | { readonly kind: 'down'; readonly why: string }
  /** No instance: an inner node, or one that is not filled yet. */
  | { readonly kind: 'none' }
  /** Not what this format writes. */
  | { readonly kind: 'broken'; readonly why: string };

/** An instance of the catalog that is to be shown in the tree. */
export interface CatalogInstance {
  readonly node: string;
  readonly record: ServiceRecord;
}

/** How one family of clients keeps its services in a tree. */
export interface ServiceFormat {
  /** The name of an instance's node says all: whatever data it has, and also where it has none, it is an instance. */
  readonly isAllInName?: true;
  /** Undefined where no instance can stand. */
  placeOf(key: EntryKey): InstancePlace | undefined;
  keyOf(place: InstancePlace): EntryKey;
  parse(place: InstancePlace, data: Uint8Array): Parsed;
  /** What the format's own clients would have written. Undoes `parse`. */
  encode(place: InstancePlace, record: ServiceRecord): Uint8Array;
  /**
   * The part of an instance that `encode` can hold, so that `parse` tells the same; undefined where it is none of this
   * format's.
   */
  fit(instance: CatalogInstance): Fitted | undefined;
  /** The name of a copy's node. Tells its origin, and differs from all that the format's own clients make. */
  copyId(origin: Origin, record: ServiceRecord): string;
  /** Undefined for an instance that registered here. */
  originOf(id: string): Origin | undefined;
  /** Where nodes of their own, beside those of the instances, say how much of the traffic these are to get. */
  readonly weights?: SiblingWeights;
}

/** Nodes that say how much of the traffic instances beside them are to get. */
export interface SiblingWeights {
  /** Whether a node of this name does. */
  isRules(id: string): boolean;
  /** Undefined for what the format's clients don't take for rules. */
  parse(data: Uint8Array): readonly WeightRule[] | undefined;
}

/** Says of some instances how much of the traffic they are to get. */
export interface WeightRule {
  readonly selects: (place: InstancePlace, record: ServiceRecord) => boolean;
  readonly weight: number;
}

/** All rules that select an instance count, one on top of the other; 1 where none does. */
export function weightOf(rules: readonly WeightRule[], place: InstancePlace, record: ServiceRecord): number {
  return rules
    .filter(({ selects }) => selects(place, record))
    .reduce((weight, rule) => weight * rule.weight, 1);
}

/** `a/b/c` is instance `c` of service `a/b`. */
export function lastSegmentPlace(key: EntryKey): InstancePlace | undefined {
  const slash = key.lastIndexOf('/');
  if (slash < 1 || slash === key.length - 1) return undefined;
  return { service: key.slice(0, slash), id: key.slice(slash + 1) };
}

export function lastSegmentKey({ service, id }: InstancePlace): EntryKey {
  return `${service}/${id}`;
}

/** What formats without tags and metadata lose of a catalog's instance. */
export function lossesWithout(
  record: ServiceRecord,
  has: { readonly meta: boolean; readonly weight: boolean },
): Loss[] {
  const why = 'the format has no place for it';
  const losses: Loss[] = [];
  if (record.tags.length > 0) losses.push({ field: 'tags', why });
  if (!has.meta && Object.keys(record.meta).length > 0) losses.push({ field: 'meta', why });
  if (!has.weight && record.weight !== undefined && record.weight !== 1)
    losses.push({ field: 'weight', why });
  return losses;
}

const MAX_DATA_BYTES = 256 * 1024;

/** The text of a node; undefined where it is far too long to be an instance, or no UTF-8. */
export function textOf(data: Uint8Array): string | undefined {
  if (data.length > MAX_DATA_BYTES) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(data);
  } catch {
    return undefined;
  }
}

export function bytesOf(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

/** Parses what was carried as JSON; it was made by `JSON.stringify`. */
export function carriedJson(record: ServiceRecord, name: string): unknown {
  const text = record.carried[name];
  return text === undefined ? undefined : JSON.parse(text);
}

/** Members of an object that a format does not name, as JSON; undefined where there are none. */
export function unnamed(
  value: Readonly<Record<string, unknown>>,
  named: readonly string[],
): string | undefined {
  const rest = Object.entries(value).filter(([name]) => !named.includes(name));
  return rest.length === 0 ? undefined : JSON.stringify(Object.fromEntries(rest));
}

export function broken(why: string): Parsed {
  return { kind: 'broken', why };
}
