import { originOfText, originText } from '../origin.js';
import { isObject, isPort, parseObject, present, textMap } from '../service-record.js';
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

export interface CuratorOptions {
  /**
   * Copies get the payload of Spring Cloud ZooKeeper, with the catalog's metadata. Other clients of Curator can't read
   * it: they look for the class that it names.
   */
  readonly springPayload: boolean;
}

const SPRING_CLASS = 'org.springframework.cloud.zookeeper.discovery.ZookeeperInstance';
const STATUS = 'instance_status';
const FIELDS = [
  'name',
  'id',
  'address',
  'port',
  'sslPort',
  'payload',
  'registrationTimeUTC',
  'serviceType',
  'uriSpec',
  'enabled',
];

const part = (value: string, variable: boolean): unknown => ({ value, variable });
/** `{scheme}://{address}:{port}`, which Spring Cloud registers with, and which its clients need to make a URL. */
const USUAL_URI_SPEC = {
  parts: [
    part('scheme', true),
    part('://', false),
    part('address', true),
    part(':', false),
    part('port', true),
  ],
};
const USUAL_URI_SPEC_TEXT = JSON.stringify(USUAL_URI_SPEC);
const USUAL_TYPE = 'DYNAMIC';

/**
 * Apache Curator's service discovery, on which Spring Cloud ZooKeeper and Dubbo's registration by application stand:
 * `<name>/<id>`, JSON with a fixed set of members. A member more, and clients before 4.3 fail to read the node.
 */
export function curatorFormat(options: CuratorOptions): ServiceFormat {
  return {
    placeOf: lastSegmentPlace,
    keyOf: lastSegmentKey,
    parse,
    encode,
    // What asks for no traffic would be read as being none.
    fit: ({ record }) =>
      isUp(record.meta) || !options.springPayload
        ? {
            record: {
              address: record.address,
              port: record.port,
              tags: [],
              meta: options.springPayload ? record.meta : {},
              weight: undefined,
              carried: options.springPayload ? { spring: 'true' } : {},
            },
            losses: lossesWithout(record, { meta: options.springPayload, weight: false }),
          }
        : undefined,
    copyId: originText,
    originOf: originOfText,
  };
}

function parse(place: InstancePlace, data: Uint8Array): Parsed {
  if (data.length === 0) return { kind: 'none' };
  const instance = parseObject(textOf(data) ?? '');
  if (instance === undefined) return broken('not JSON of a service instance');
  const { address, port, sslPort, enabled, name, id } = instance;
  if (typeof address !== 'string' || address === '') return broken('it has no address');
  if (!isOptionalPort(port) || !isOptionalPort(sslPort)) return broken('its port is no port');
  if (enabled === false) return { kind: 'down', why: 'it is not enabled' };
  const spring = springPayloadOf(instance['payload']);
  const { metadata = {} } = spring ?? {};
  if (!isUp(metadata)) return { kind: 'down', why: `its ${STATUS} is ${metadata[STATUS]}` };
  const record = {
    address,
    port: port ?? sslPort ?? 0,
    tags: [],
    meta: metadata,
    weight: undefined,
    carried: present({
      ...(spring === undefined
        ? { payload: jsonUnless(instance['payload'], null) }
        : carriedOfSpring(spring, place)),
      ...carriedOfPorts(port, sslPort),
      name: name === place.service ? undefined : JSON.stringify(name),
      id: id === place.id ? undefined : JSON.stringify(id),
      registered: jsonUnless(instance['registrationTimeUTC'], 0),
      type: jsonUnless(instance['serviceType'], USUAL_TYPE),
      'uri-spec': carriedUriSpec(instance['uriSpec']),
      enabled: enabled === undefined ? undefined : JSON.stringify(enabled),
      more: unnamed(instance, FIELDS),
    }),
  };
  return { kind: 'up', record, losses: [] };
}

function encode(place: InstancePlace, record: ServiceRecord): Uint8Array {
  const carried = (name: string, usual: unknown): unknown => carriedJson(record, name) ?? usual;
  const { enabled, port } = { enabled: carriedJson(record, 'enabled'), port: record.carried['port'] };
  const uriSpec = record.carried['uri-spec'];
  return bytesOf({
    name: carried('name', place.service),
    id: carried('id', place.id),
    address: record.address,
    port: port === 'none' ? null : record.port,
    sslPort: carriedJson(record, 'ssl-port') ?? null,
    payload: record.carried['spring'] === undefined ? carried('payload', null) : springPayload(place, record),
    registrationTimeUTC: carried('registered', 0),
    serviceType: carried('type', USUAL_TYPE),
    uriSpec: uriSpec === undefined ? USUAL_URI_SPEC : (JSON.parse(uriSpec) as unknown),
    ...(enabled === undefined ? {} : { enabled }),
    ...(carriedJson(record, 'more') as object | undefined),
  });
}

function isOptionalPort(value: unknown): value is number | null | undefined {
  return value === null || value === undefined || isPort(value);
}

function carriedOfPorts(
  port: number | null | undefined,
  sslPort: number | null | undefined,
): Record<string, string | undefined> {
  const sslText = sslPort === null || sslPort === undefined ? undefined : String(sslPort);
  return { port: port === null || port === undefined ? 'none' : undefined, 'ssl-port': sslText };
}

function carriedUriSpec(uriSpec: unknown): string | undefined {
  const text = JSON.stringify(uriSpec ?? null);
  return text === USUAL_URI_SPEC_TEXT ? undefined : text;
}

/** What can't be told from the usual value need not be carried. */
function jsonUnless(value: unknown, usual: unknown): string | undefined {
  return value === undefined || value === usual ? undefined : JSON.stringify(value);
}

interface SpringPayload {
  readonly id: unknown;
  readonly name: unknown;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Of Spring Cloud, in the form that it writes; any other payload is carried whole. */
function springPayloadOf(payload: unknown): SpringPayload | undefined {
  if (!isObject(payload) || payload['@class'] !== SPRING_CLASS) return undefined;
  const { id, name, metadata } = payload;
  const members = textMap(metadata);
  if (members === undefined || unnamed(payload, ['@class', 'id', 'name', 'metadata']) !== undefined)
    return undefined;
  return { id, name, metadata: members };
}

function carriedOfSpring(
  { id, name }: SpringPayload,
  place: InstancePlace,
): Record<string, string | undefined> {
  return {
    spring: 'true',
    'spring-id': jsonUnless(id, place.id),
    'spring-name': jsonUnless(name, place.service),
  };
}

function springPayload(place: InstancePlace, record: ServiceRecord): unknown {
  return {
    '@class': SPRING_CLASS,
    id: carriedJson(record, 'spring-id') ?? place.id,
    name: carriedJson(record, 'spring-name') ?? place.service,
    metadata: record.meta,
  };
}

function isUp(metadata: Readonly<Record<string, string>>): boolean {
  return (metadata[STATUS] ?? 'UP').toUpperCase() === 'UP';
}
