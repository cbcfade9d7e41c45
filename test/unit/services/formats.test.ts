import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fitToCatalog } from '../../../src/services/catalog-limits.js';
import { curatorFormat } from '../../../src/services/formats/curator.js';
import { dubboFormat } from '../../../src/services/formats/dubbo.js';
import type { InstancePlace, ServiceFormat } from '../../../src/services/formats/format.js';
import { nerveFormat } from '../../../src/services/formats/nerve.js';
import { serversetFormat } from '../../../src/services/formats/serverset.js';
import type { ServiceRecord } from '../../../src/services/service-record.js';
import { decodeRecord, encodeRecord } from '../../../src/services/service-record.js';
import { instances, SAMPLES } from './samples.js';

const curator = curatorFormat({ springPayload: false });
const spring = curatorFormat({ springPayload: true });
const FORMATS: readonly (readonly [string, ServiceFormat])[] = [
  ['curator', curator],
  ['curator with the payload of Spring', spring],
  ['serverset', serversetFormat],
  ['nerve', nerveFormat],
  ['dubbo', dubboFormat],
];

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const origin = { bridge: 'default', node: 'node-1', id: 'web-1' };

function up(format: ServiceFormat, place: InstancePlace, data: string): ServiceRecord {
  const parsed = format.parse(place, bytes(data));
  if (parsed.kind !== 'up') throw new Error(`expected an instance, got ${JSON.stringify(parsed)}`);
  return parsed.record;
}

describe('registrations as the formats’ own clients write them', () => {
  it.each(SAMPLES)('$name is read, and written again byte for byte', ({ format, key, data, record }) => {
    const place = format.placeOf(key);
    if (place === undefined) throw new Error(`${key} is no place`);
    expect(format.keyOf(place)).toBe(key);
    const parsed = up(format, place, data);
    expect(parsed).toMatchObject(record);
    expect(new TextDecoder().decode(format.encode(place, parsed))).toBe(data);
  });

  it.each(SAMPLES)('$name fits into a catalog without a loss', ({ format, key, data }) => {
    const place = format.placeOf(key);
    if (place === undefined) throw new Error(`${key} is no place`);
    const parsed = up(format, place, data);
    expect(fitToCatalog(parsed)).toEqual({ record: parsed, losses: [] });
    expect(decodeRecord(encodeRecord(parsed))).toEqual(parsed);
  });
});

describe('instances of a catalog in the formats of a tree', () => {
  it.each(FORMATS)('%s: what is written of an instance is what is read again', (_name, format) => {
    fc.assert(
      fc.property(instances, (instance) => {
        const fitted = format.fit(instance);
        if (fitted === undefined) return;
        const id = format.copyId(origin, fitted.record);
        const key = format.keyOf({ service: 'team/web', id });
        const place = format.placeOf(key);
        if (place === undefined) throw new Error(`${key} is no place`);
        expect(format.parse(place, format.encode(place, fitted.record))).toEqual({
          kind: 'up',
          record: fitted.record,
          losses: [],
        });
        expect(format.originOf(place.id)).toEqual(origin);
      }),
    );
  });

  it('what a format has no place for is told', () => {
    const record = { address: 'a', port: 1, tags: ['t'], meta: { a: 'b' }, weight: 3, carried: {} };
    const lost = (format: ServiceFormat) =>
      format.fit({ node: 'n', record })?.losses.map(({ field }) => field);
    expect(lost(curator)).toEqual(['tags', 'meta', 'weight']);
    expect(lost(spring)).toEqual(['tags', 'weight']);
    expect(lost(serversetFormat)).toEqual(['tags', 'meta', 'weight']);
    expect(lost(nerveFormat)).toEqual(['tags', 'meta']);
    expect(dubboFormat.fit({ node: 'n', record })).toBeUndefined();
  });
});

describe('what counts as an instance', () => {
  const place = { service: 'web', id: 'member_0000000001' };

  it('curator: an instance that is not enabled, or whose status is not UP, wants no traffic', () => {
    const enabled = '{"name":"web","id":"1","address":"a","port":1,"enabled":false}';
    expect(curator.parse(place, bytes(enabled))).toMatchObject({ kind: 'down' });
    const payload = (status: string): string =>
      `{"address":"a","port":1,"payload":{"@class":"org.springframework.cloud.zookeeper.discovery.ZookeeperInstance",` +
      `"id":"i","name":"web","metadata":{"instance_status":"${status}"}}}`;
    expect(curator.parse(place, bytes(payload('OUT_OF_SERVICE')))).toMatchObject({ kind: 'down' });
    expect(curator.parse(place, bytes(payload('UP')))).toMatchObject({ kind: 'up' });
  });

  it('serverset: only what is alive', () => {
    const member = (status: string): string =>
      `{"serviceEndpoint":{"host":"a","port":1},"status":"${status}"}`;
    expect(serversetFormat.parse(place, bytes(member('ALIVE')))).toMatchObject({ kind: 'up' });
    for (const status of ['STARTING', 'STOPPING', 'DEAD']) {
      expect(serversetFormat.parse(place, bytes(member(status)))).toMatchObject({ kind: 'down' });
    }
    expect(serversetFormat.placeOf('web/vector_0000000001')).toBeUndefined();
  });

  it('dubbo: only providers', () => {
    expect(dubboFormat.placeOf('a.B/consumers/consumer%3A%2F%2F10.0.0.1%2Fa.B')).toBeUndefined();
    expect(dubboFormat.placeOf('a.B/configurators/x')).toBeUndefined();
  });

  it('dubbo: a URL that metadata can’t hold is told of, and not cut', () => {
    const url = `dubbo://10.0.0.1:20880/a.B?methods=${'x'.repeat(512)}`;
    const parsed = dubboFormat.parse({ service: 'a.B', id: encodeURIComponent(url) }, bytes(''));
    expect(parsed).toMatchObject({ kind: 'broken', why: expect.stringContaining('512') as string });
  });

  it.each(FORMATS.filter(([, format]) => format !== dubboFormat))(
    '%s: a node without data is none, and any other data is told to be broken',
    (_name, format) => {
      expect(format.parse(place, bytes(''))).toEqual({ kind: 'none' });
      for (const data of ['{', '[]', 'null', '{}', '{"host":1,"port":"x","address":7}', '\u0000']) {
        expect(format.parse(place, bytes(data)).kind, data).toBe('broken');
      }
      expect(format.parse(place, new Uint8Array(300_000)).kind).toBe('broken');
      fc.assert(
        fc.property(fc.uint8Array(), (data) => {
          expect(['none', 'broken']).toContain(format.parse(place, data).kind);
        }),
      );
    },
  );
});

describe('what does not fit into the metadata of a catalog', () => {
  const record = { address: 'a', port: 1, tags: [], weight: undefined, carried: {} };

  it('names that it does not take are carried together, as text', () => {
    const fitted = fitToCatalog({
      ...record,
      meta: { 'a.b': '1', 'consul-x': '2', 'zk-x': '3', plain: '4' },
    });
    expect(fitted.losses).toEqual([]);
    expect(fitted.record.meta).toEqual({ plain: '4' });
    expect(JSON.parse(fitted.record.carried['metadata'] ?? '')).toEqual({
      'a.b': '1',
      'consul-x': '2',
      'zk-x': '3',
    });
  });

  it('values that are too long, and pairs beyond the last, are left out and told', () => {
    const long = fitToCatalog({ ...record, meta: { long: 'ü'.repeat(257), short: 'ü'.repeat(256) } });
    expect(Object.keys(long.record.meta)).toEqual(['short']);
    expect(long.losses.map(({ field }) => field)).toEqual(['long']);

    const names = Array.from({ length: 70 }, (_, index) => `m${String(index).padStart(2, '0')}`);
    const many = fitToCatalog({ ...record, meta: Object.fromEntries(names.map((name) => [name, '1'])) });
    expect(Object.keys(many.record.meta)).toEqual(names.slice(0, 62));
    expect(many.losses.map(({ field }) => field)).toEqual(names.slice(62));
  });

  it('what was made to fit fits', () => {
    fc.assert(
      fc.property(instances, (instance) => {
        const { record: fitted } = fitToCatalog(instance.record);
        expect(fitToCatalog(fitted)).toEqual({ record: fitted, losses: [] });
      }),
    );
  });
});
