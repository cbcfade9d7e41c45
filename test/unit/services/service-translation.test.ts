import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CatalogRegistration } from '../../../src/ports/catalog.js';
import { curatorFormat } from '../../../src/services/formats/curator.js';
import { dubboFormat } from '../../../src/services/formats/dubbo.js';
import type { ServiceFormat } from '../../../src/services/formats/format.js';
import { nerveFormat } from '../../../src/services/formats/nerve.js';
import { serversetFormat } from '../../../src/services/formats/serverset.js';
import { encodeRecord } from '../../../src/services/service-record.js';
import { ServiceTranslation } from '../../../src/services/service-translation.js';
import type { ServiceSettings } from '../../../src/services/service-translation.js';
import { instances, SAMPLES } from './samples.js';

const curator = curatorFormat({ springPayload: false });
const FORMATS: readonly (readonly [string, ServiceFormat])[] = [
  ['curator', curator],
  ['curator with the payload of Spring', curatorFormat({ springPayload: true })],
  ['serverset', serversetFormat],
  ['nerve', nerveFormat],
  ['dubbo', dubboFormat],
];

function translation(format: ServiceFormat, settings: Partial<ServiceSettings> = {}): ServiceTranslation {
  return new ServiceTranslation({
    bridge: 'default',
    list: 'apps',
    format,
    node: 'zookeeper',
    tags: ['bridged'],
    namePrefix: '',
    rename: new Map(),
    include: ['**'],
    exclude: [],
    dnsNames: format !== dubboFormat,
    ...settings,
  });
}

const native: CatalogRegistration = {
  node: 'node-1',
  id: 'web-1',
  service: 'web',
  address: '10.0.0.1',
  port: 80,
  tags: ['v1'],
  meta: { zone: 'a' },
  weight: 1,
};

function valueIn(translated: ServiceTranslation, key: string, data: Uint8Array): Uint8Array {
  const parsed = translated.parseNode(key, data);
  if (parsed.kind !== 'up') throw new Error(`expected an instance, got ${JSON.stringify(parsed)}`);
  return encodeRecord(parsed.record);
}

describe('instances that registered in the tree', () => {
  it.each(SAMPLES)('$name has the same bytes in the catalog, and the same key', ({ format, key, data }) => {
    const translated = translation(format);
    expect(translated.bornIn(key)).toBe('tree');
    const value = valueIn(translated, key, new TextEncoder().encode(data));
    const copy = translated.registrationOf(key, value);
    expect(copy).toMatchObject({ node: 'zookeeper', id: `apps/${key}` });
    expect(copy.meta).toMatchObject({ 'external-source': 'zookeeper', 'zk-consul-sync': 'default/apps' });
    expect(copy.tags[0]).toBe('bridged');
    expect(translated.keyOf(copy)).toBe(key);
    expect(translated.placeOf(key)).toMatchObject({
      kind: 'copy',
      node: copy.node,
      id: copy.id,
      service: copy.service,
    });
    expect(translated.valueOf(copy)).toEqual(value);
  });

  it('a copy of which somebody changed anything has other bytes, so that it is put right', () => {
    const translated = translation(curator);
    const value = valueIn(translated, 'web/1', new TextEncoder().encode('{"address":"a","port":1}'));
    const copy = translated.registrationOf('web/1', value);
    const changes: readonly Partial<CatalogRegistration>[] = [
      { address: 'b' },
      { port: 2 },
      { tags: [] },
      { tags: ['bridged', 'more'] },
      { meta: { ...copy.meta, more: '1' } },
      { meta: {} },
      { service: 'other' },
      { weight: 2 },
    ];
    for (const change of changes) {
      expect(translated.valueOf({ ...copy, ...change }), JSON.stringify(change)).not.toEqual(value);
    }
  });

  it('an application of Spring has its metadata as the metadata of its copy', () => {
    const sample = SAMPLES.find(({ name }) => name.includes('Spring'));
    const key = sample?.key ?? '';
    const translated = translation(curator);
    const value = valueIn(translated, key, new TextEncoder().encode(sample?.data));
    expect(translated.registrationOf(key, value).meta).toMatchObject({ instance_status: 'UP', zone: 'a' });
  });
});

describe('instances that registered in the catalog', () => {
  it.each(FORMATS)(
    '%s: any has the same bytes in the tree, and its key tells where it is',
    (_name, format) => {
      const translated = translation(format);
      fc.assert(
        fc.property(instances, fc.string({ unit: 'grapheme', minLength: 1 }), ({ record, node }, id) => {
          const weight = record.weight ?? 1;
          const registration = { ...record, node: `n-${node}`, id, service: 'a.B', weight };
          const key = translated.keyOf(registration);
          if (key === undefined) return;
          expect(translated.bornIn(key)).toBe('catalog');
          expect(translated.placeOf(key)).toMatchObject({ kind: 'original', node: registration.node, id });
          const value = translated.valueOf(registration);
          expect(valueIn(translated, key, translated.nodeOf(key, value))).toEqual(value);
        }),
      );
    },
  );

  it('no format leaves out an ordinary one, but Dubbo’s, which takes providers of Dubbo', () => {
    const url = 'dubbo://10.0.0.1:80/a.B?side=provider';
    const dubbo = { ...native, tags: ['side=provider', 'dubbo'], meta: { url } };
    for (const [name, format] of FORMATS) {
      expect(translation(format).keyOf(native) !== undefined, name).toBe(format !== dubboFormat);
      expect(translation(format).keyOf(dubbo), name).toBeDefined();
    }
  });

  it('those of Consul itself, and copies of whatever bridge, take no part', () => {
    const translated = translation(curator);
    expect(translated.keyOf({ ...native, service: 'consul' })).toBeUndefined();
    expect(translated.wantsService('consul')).toBe(false);
    const others = translation(curator, { bridge: 'other', node: 'other-node' });
    const copy = others.registrationOf('web/1', encodeRecord({ ...native, weight: undefined, carried: {} }));
    expect(translated.keyOf(copy)).toBeUndefined();
    const inTree = others.keyOf(native) ?? '';
    expect(translated.bornIn(inTree)).toBeUndefined();
    expect(translated.takesPart(inTree)).toBe(false);
    expect([others.isOwn(copy), translated.isOwn(copy)]).toEqual([true, false]);
    expect(others.isOwn({ ...copy, node: 'zookeeper' })).toBe(false);
    // On a node of this name, but not of this list.
    expect(translated.keyOf({ ...copy, node: 'zookeeper', id: 'other/web/1' })).toBeUndefined();
  });
});

describe('what services are called', () => {
  it('the same on both sides where that can be looked up in DNS', () => {
    const translated = translation(curator);
    expect(translated.placeOf('web/1')?.service).toBe('web');
    expect(translated.placeOf('UserService/1')?.service).toMatch(/^userservice--/);
    expect(translated.keyOf(native)).toMatch(/^web\//);
  });

  it('a renamed service is the same service on both sides', () => {
    const translated = translation(curator, { rename: new Map([['UserService', 'users']]) });
    expect(translated.placeOf('UserService/1')?.service).toBe('users');
    expect(translated.keyOf({ ...native, service: 'users' })).toMatch(/^UserService\//);
  });

  it('with a prefix, copies have it, and originals that have it belong to the service without', () => {
    const translated = translation(curator, { namePrefix: 'zk-' });
    expect(translated.placeOf('web/1')?.service).toBe('zk-web');
    expect(translated.keyOf({ ...native, service: 'zk-web' })).toMatch(/^web\//);
    expect(translated.keyOf(native)).toMatch(/^web\//);
  });

  it('an original of Consul that exclude leaves out makes no entry', () => {
    const translated = translation(curator, { exclude: ['web'] });
    expect(translated.keyOf(native)).toBeUndefined();
    expect(translated.keyOf({ ...native, service: 'other' })).toMatch(/^other\//);
  });

  it('include and exclude go by names in the tree, whichever side an instance is from', () => {
    const translated = translation(curator, { include: ['team/**'], exclude: ['team/secret'] });
    expect(['team/web/1', 'team/secret/1', 'web/1'].map((key) => translated.takesPart(key))).toEqual([
      true,
      false,
      false,
    ]);
    expect(translated.wantsService('web')).toBe(false);
    expect(translated.wantsService(translated.placeOf('team/web/1')?.service ?? '')).toBe(true);
  });

  it('Dubbo’s services are called by their interfaces, as its own registry for Consul has them', () => {
    const sample = SAMPLES.find(({ format }) => format === dubboFormat);
    const translated = translation(dubboFormat, { tags: [] });
    const value = valueIn(translated, sample?.key ?? '', new Uint8Array());
    const copy = translated.registrationOf(sample?.key ?? '', value);
    expect(copy.service).toBe('org.apache.dubbo.demo.DemoService');
    expect(copy.meta['url']).toBe(sample?.record.meta?.['url']);
    expect(copy.tags).toContain('dubbo');
    expect(copy.tags).toContain('methods=sayHello,sayHelloAsync');
  });
});
