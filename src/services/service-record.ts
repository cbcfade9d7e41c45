import type { NotCarried } from '../ports/catalog.js';

/**
 * What both worlds can say of one instance of a service: the value of its entry. The same instance has the same bytes
 * wherever it is read, so that its original and its copy are compared like any two values.
 */
export interface ServiceRecord {
  /** A name or an address. */
  readonly address: string;
  /** 0 where there is none. */
  readonly port: number;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  /** How much of the traffic it is to get; undefined where nobody said. */
  readonly weight: number | undefined;
  /** What only the original's format has, by names of that format, as text. */
  readonly carried: Readonly<Record<string, string>>;
}

/** A part of an instance that its copy can't hold. */
export type Loss = NotCarried;

/** A record as far as the other side can hold it, and what it can't. */
export interface Fitted {
  readonly record: ServiceRecord;
  readonly losses: readonly Loss[];
}

/** One order of members, sorted names: equal records have equal bytes. */
export function encodeRecord(record: ServiceRecord): Uint8Array {
  const { address, port, tags, meta, weight, carried } = record;
  const ordered = { address, port, tags, meta: sorted(meta), weight, carried: sorted(carried) };
  return new TextEncoder().encode(JSON.stringify(ordered));
}

/** @throws RangeError when `bytes` are not those of a record */
export function decodeRecord(bytes: Uint8Array): ServiceRecord {
  const value = parseObject(new TextDecoder().decode(bytes));
  const { address, port, tags, meta, weight, carried } = value ?? {};
  if (typeof address !== 'string' || typeof port !== 'number' || !Array.isArray(tags)) {
    throw new RangeError('these bytes are not those of a service record');
  }
  return {
    address,
    port,
    tags: tags.map(String),
    meta: textMap(meta) ?? {},
    weight: typeof weight === 'number' ? weight : undefined,
    carried: textMap(carried) ?? {},
  };
}

/** An object of JSON, or undefined where `text` is anything else. */
export function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An object whose members are all text; undefined for anything else. */
export function textMap(value: unknown): Record<string, string> | undefined {
  if (!isObject(value)) return undefined;
  const isText = Object.values(value).every((member) => typeof member === 'string');
  return isText ? (value as Record<string, string>) : undefined;
}

/** Members that are there. */
export function present(members: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const there = Object.entries(members).filter(
    (member): member is [string, string] => member[1] !== undefined,
  );
  return Object.fromEntries(there);
}

/** A port that can be registered. */
export function isPort(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 65_535;
}

function sorted(members: Readonly<Record<string, string>>): [string, string][] | Record<string, string> {
  return Object.fromEntries(Object.entries(members).sort(([a], [b]) => (a < b ? -1 : 1)));
}
