import { originOfText, originText } from '../origin.js';
import { isPort, parseObject, present } from '../service-record.js';
import type { ServiceRecord } from '../service-record.js';
import {
  broken,
  bytesOf,
  carriedJson,
  lastSegmentKey,
  lastSegmentPlace,
  lossesWithout,
  textOf,
  unnamed,
} from './format.js';
import type { InstancePlace, Parsed, ServiceFormat } from './format.js';

const FIELDS = ['host', 'port', 'name', 'weight'];
/** Of HAProxy, which Synapse hands them to. */
const WEIGHT_MAX = 256;

/** SmartStack: what Nerve registers, and Synapse reads. */
export const nerveFormat: ServiceFormat = {
  placeOf: lastSegmentPlace,
  keyOf: lastSegmentKey,
  parse,
  encode,
  fit: ({ node, record }) => ({
    record: {
      address: record.address,
      port: record.port,
      tags: [],
      meta: {},
      weight: isWeight(record.weight) ? record.weight : undefined,
      carried: { name: JSON.stringify(node) },
    },
    losses: lossesWithout(record, {
      meta: false,
      weight: record.weight === undefined || isWeight(record.weight),
    }),
  }),
  copyId: originText,
  originOf: originOfText,
};

function parse(_place: InstancePlace, data: Uint8Array): Parsed {
  if (data.length === 0) return { kind: 'none' };
  const instance = parseObject(textOf(data) ?? '');
  if (instance === undefined) return broken('not a JSON object');
  const { host, port, name, weight } = instance;
  if (typeof host !== 'string' || host === '' || !isPort(port)) return broken('it has no host and port');
  const carried = present({
    name: name === undefined ? undefined : JSON.stringify(name),
    weight: weight === undefined || isWeight(weight) ? undefined : JSON.stringify(weight),
    more: unnamed(instance, FIELDS),
  });
  const counted = isWeight(weight) ? weight : undefined;
  return {
    kind: 'up',
    record: { address: host, port, tags: [], meta: {}, weight: counted, carried },
    losses: [],
  };
}

function encode(_place: InstancePlace, record: ServiceRecord): Uint8Array {
  const name = carriedJson(record, 'name');
  const weight = record.weight ?? carriedJson(record, 'weight');
  return bytesOf({
    host: record.address,
    port: record.port,
    ...(name === undefined ? {} : { name }),
    ...(weight === undefined ? {} : { weight }),
    ...(carriedJson(record, 'more') as object | undefined),
  });
}

/** Consul has whole ones. 1 is what everything has of which nothing is said. */
function isWeight(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 1 && value <= WEIGHT_MAX;
}
