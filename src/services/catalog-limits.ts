import type { Fitted, Loss, ServiceRecord } from './service-record.js';

/** Of Consul, for the metadata of a service (agent/structs: metaMaxKeyPairs, metaKeyMaxLength, metaValueMaxLength). */
const PAIRS_MAX = 64;
export const VALUE_BYTES_MAX = 512;
const NAME_ALLOWED = /^[A-Za-z0-9_-]{1,128}$/;
/** Names with this are Consul's own. */
const CONSULS_OWN = 'consul-';
/** Fields that only the original has stand among the metadata of its copy, by this and their names. */
export const CARRIED = 'zk-';
/** Every copy has these: whose it is, where it came from. */
export const SOURCE_META = 'external-source';
export const BRIDGE_META = 'zk-consul-sync';
const MARKS = 2;

/** Metadata whose names Consul does not take, as JSON. */
const ODD = 'metadata';

/** The part of an instance of the tree that a catalog can hold: nothing is cut, what does not fit is left out and told. */
export function fitToCatalog(record: ServiceRecord): Fitted {
  const losses: Loss[] = [];
  const meta: Record<string, string> = {};
  const odd: Record<string, string> = {};
  for (const [name, value] of Object.entries(record.meta).sort(byName)) {
    const reason = tooLong(value);
    if (reason !== undefined) losses.push({ field: name, why: reason });
    else if (isTaken(name)) meta[name] = value;
    else odd[name] = value;
  }
  const carried: Record<string, string> = {};
  const fields = {
    ...record.carried,
    ...(Object.keys(odd).length > 0 ? { [ODD]: JSON.stringify(odd) } : {}),
  };
  for (const [name, value] of Object.entries(fields).sort(byName)) {
    const reason = tooLong(value);
    if (reason === undefined) carried[name] = value;
    else losses.push({ field: name, why: reason });
  }
  dropBeyond(meta, PAIRS_MAX - MARKS - Object.keys(carried).length, losses);
  return { record: { ...record, meta, carried }, losses };
}

function isTaken(name: string): boolean {
  const isOurs = name.startsWith(CARRIED) || name === SOURCE_META || name === BRIDGE_META;
  return NAME_ALLOWED.test(name) && !name.toLowerCase().startsWith(CONSULS_OWN) && !isOurs;
}

function tooLong(value: string): string | undefined {
  const bytes = Buffer.byteLength(value);
  if (bytes <= VALUE_BYTES_MAX) return undefined;
  return `${bytes} bytes are more than the ${VALUE_BYTES_MAX} that Consul's metadata takes`;
}

function dropBeyond(meta: Record<string, string>, pairsMax: number, losses: Loss[]): void {
  for (const field of Object.keys(meta).slice(Math.max(0, pairsMax))) {
    losses.push({ field, why: `it is beyond the ${PAIRS_MAX} pairs that Consul's metadata takes` });
    Reflect.deleteProperty(meta, field);
  }
}

function byName([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a < b ? -1 : 1;
}
