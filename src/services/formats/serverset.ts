import { originDigits, originOfDigits } from '../origin.js';
import { isObject, isPort, parseObject, present } from '../service-record.js';
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
import { vectors } from './vectors.js';

const MEMBER = 'member_';
const FIELDS = ['serviceEndpoint', 'additionalEndpoints', 'status', 'shard'];

/**
 * Server sets of Finagle and Aurora: children `member_*`, of which only those that are `ALIVE` count. Clients take what
 * follows `member_` for a number.
 */
export const serversetFormat: ServiceFormat = {
  placeOf: (key) => {
    const place = lastSegmentPlace(key);
    return place?.id.startsWith(MEMBER) === true ? place : undefined;
  },
  keyOf: lastSegmentKey,
  parse,
  encode,
  fit: ({ record }) => ({
    record: {
      address: record.address,
      port: record.port,
      tags: [],
      meta: {},
      weight: undefined,
      carried: {},
    },
    losses: lossesWithout(record, { meta: false, weight: false }),
  }),
  copyId: (origin) => MEMBER + originDigits(origin),
  originOf: (id) => originOfDigits(id.slice(MEMBER.length)),
  weights: vectors,
};

function parse(_place: InstancePlace, data: Uint8Array): Parsed {
  if (data.length === 0) return { kind: 'none' };
  const member = parseObject(textOf(data) ?? '');
  const endpoint = member?.['serviceEndpoint'];
  if (member === undefined || !isObject(endpoint)) return broken('not JSON with a serviceEndpoint');
  const { host, port } = endpoint;
  if (typeof host !== 'string' || host === '' || !isPort(port))
    return broken('its serviceEndpoint has no host and port');
  if (member['status'] !== 'ALIVE')
    return { kind: 'down', why: `its status is ${JSON.stringify(member['status'])}` };
  const { additionalEndpoints, shard } = member;
  const hasMore =
    isObject(additionalEndpoints) && Object.keys(additionalEndpoints).length === 0 ? undefined : true;
  const carried = present({
    'additional-endpoints': hasMore === undefined ? undefined : JSON.stringify(additionalEndpoints ?? null),
    shard: shard === undefined ? undefined : JSON.stringify(shard),
    more: unnamed(member, FIELDS),
  });
  return {
    kind: 'up',
    record: { address: host, port, tags: [], meta: {}, weight: undefined, carried },
    losses: [],
  };
}

/** In the order of Twitter's own writers. */
function encode(_place: InstancePlace, record: ServiceRecord): Uint8Array {
  const additional = record.carried['additional-endpoints'];
  const endpoints = additional === undefined ? {} : (JSON.parse(additional) as unknown);
  const shard = carriedJson(record, 'shard');
  return bytesOf({
    serviceEndpoint: { host: record.address, port: record.port },
    ...(endpoints === null ? {} : { additionalEndpoints: endpoints }),
    status: 'ALIVE',
    ...(shard === undefined ? {} : { shard }),
    ...(carriedJson(record, 'more') as object | undefined),
  });
}
