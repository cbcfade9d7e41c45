import fc from 'fast-check';
import { curatorFormat } from '../../../src/services/formats/curator.js';
import { dubboFormat } from '../../../src/services/formats/dubbo.js';
import type { CatalogInstance, ServiceFormat } from '../../../src/services/formats/format.js';
import { nerveFormat } from '../../../src/services/formats/nerve.js';
import { serversetFormat } from '../../../src/services/formats/serverset.js';
import type { ServiceRecord } from '../../../src/services/service-record.js';

export interface Sample {
  readonly name: string;
  readonly format: ServiceFormat;
  readonly key: string;
  readonly data: string;
  /** A part of what is read. */
  readonly record: Partial<ServiceRecord>;
}

const curator = curatorFormat({ springPayload: false });
const URI_SPEC =
  '{"parts":[{"value":"scheme","variable":true},{"value":"://","variable":false},{"value":"address","variable":true},' +
  '{"value":":","variable":false},{"value":"port","variable":true}]}';
const DUBBO_URL =
  'dubbo://192.168.1.5:20880/org.apache.dubbo.demo.DemoService?anyhost=true&application=demo-provider&dubbo=2.0.2' +
  '&interface=org.apache.dubbo.demo.DemoService&methods=sayHello,sayHelloAsync&pid=1234&side=provider&timestamp=1590000000000';

/** What the formats' own clients write, as published in their documentation and by their releases. */
export const SAMPLES: readonly Sample[] = [
  {
    name: 'an instance of Curator',
    format: curator,
    key: 'test/2a1cd1f4-6a3e-4fbf-9cbb-a6cd6d5dc4d5',
    data:
      '{"name":"test","id":"2a1cd1f4-6a3e-4fbf-9cbb-a6cd6d5dc4d5","address":"10.0.0.1","port":10064,"sslPort":null,' +
      '"payload":"thing","registrationTimeUTC":1325129459728,"serviceType":"DYNAMIC",' +
      '"uriSpec":{"parts":[{"value":"http://","variable":false},{"value":"address","variable":true}]}}',
    record: { address: '10.0.0.1', port: 10064, meta: {} },
  },
  {
    name: 'an instance of Curator 5 with a TLS port only',
    format: curator,
    key: 'team/web/1',
    data:
      '{"name":"team/web","id":"1","address":"10.0.0.2","port":null,"sslPort":8443,"payload":null,' +
      '"registrationTimeUTC":1700000000000,"serviceType":"STATIC","uriSpec":null,"enabled":true}',
    record: { address: '10.0.0.2', port: 8443 },
  },
  {
    name: 'an application of Spring Cloud ZooKeeper',
    format: curator,
    key: 'user-service/1d3f9a6e-6d0b-4f6a-8f0a-2f8f5f4f0f0d',
    data:
      '{"name":"user-service","id":"1d3f9a6e-6d0b-4f6a-8f0a-2f8f5f4f0f0d","address":"host-1","port":8080,"sslPort":null,' +
      '"payload":{"@class":"org.springframework.cloud.zookeeper.discovery.ZookeeperInstance","id":"application-1",' +
      '"name":"user-service","metadata":{"instance_status":"UP","zone":"a"}},"registrationTimeUTC":1590000000000,' +
      `"serviceType":"DYNAMIC","uriSpec":${URI_SPEC}}`,
    record: { address: 'host-1', port: 8080, meta: { instance_status: 'UP', zone: 'a' } },
  },
  {
    name: 'an application of Dubbo 3',
    format: curator,
    key: 'demo-provider/10.0.0.3:20880',
    data:
      '{"name":"demo-provider","id":"10.0.0.3:20880","address":"10.0.0.3","port":20880,"sslPort":null,' +
      '"payload":{"@class":"org.apache.dubbo.registry.zookeeper.ZookeeperInstance","id":"10.0.0.3:20880",' +
      '"name":"demo-provider","metadata":{"dubbo.metadata.revision":"abc","dubbo.metadata.storage-type":"local"}},' +
      '"registrationTimeUTC":1690000000000,"serviceType":"DYNAMIC","uriSpec":null}',
    record: { address: '10.0.0.3', port: 20880 },
  },
  {
    name: 'a member that Aurora announces',
    format: serversetFormat,
    key: 'aurora/jobs/www-data/prod/hello/member_0000000000',
    data:
      '{"serviceEndpoint":{"host":"192.168.33.7","port":31194},"additionalEndpoints":' +
      '{"aurora":{"host":"192.168.33.7","port":31194},"http":{"host":"192.168.33.7","port":31195}},"status":"ALIVE","shard":0}',
    record: { address: '192.168.33.7', port: 31194 },
  },
  {
    name: 'a member that Finagle announces',
    format: serversetFormat,
    key: 'web/member_0000000012',
    data: '{"serviceEndpoint":{"host":"10.0.0.4","port":8080},"additionalEndpoints":{},"status":"ALIVE"}',
    record: { address: '10.0.0.4', port: 8080, carried: {} },
  },
  {
    name: 'what Nerve reports',
    format: nerveFormat,
    key: 'web/i-0a1b2c3d_0000000007',
    data: '{"host":"10.0.0.5","port":3000,"name":"i-0a1b2c3d"}',
    record: { address: '10.0.0.5', port: 3000, weight: undefined },
  },
  {
    name: 'what Nerve reports with a weight and labels',
    format: nerveFormat,
    key: 'web/i-0a1b2c3d_0000000008',
    data: '{"host":"10.0.0.5","port":3001,"name":"i-0a1b2c3d","weight":5,"labels":{"zone":"a"}}',
    record: { port: 3001, weight: 5 },
  },
  {
    name: 'a provider of Dubbo',
    format: dubboFormat,
    key: `org.apache.dubbo.demo.DemoService/providers/${encodeURIComponent(DUBBO_URL)}`,
    data: '',
    record: { address: '192.168.1.5', port: 20880, meta: { url: DUBBO_URL } },
  },
];

const name = fc.string({
  unit: fc.constantFrom(...Array.from('abcXYZ09_-. ü')),
  minLength: 1,
  maxLength: 12,
});
const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ minLength: 500, maxLength: 600 }));
const url = fc
  .tuple(
    fc.constantFrom('dubbo', 'rest'),
    fc.ipV4(),
    fc.nat(65_535),
    fc.string({ unit: fc.constantFrom(...Array.from('ab=&%+:/')) }),
  )
  .map(([protocol, host, port, query]) => `${protocol}://${host}:${port}/a.B?x=1${query}`);

/** Whatever somebody may have registered in a catalog; some of it by Dubbo. */
export const instances: fc.Arbitrary<CatalogInstance> = fc.record({
  node: name,
  record: fc.record({
    address: fc.oneof(fc.ipV4(), fc.ipV6(), fc.constant('host.example')),
    port: fc.nat(65_535),
    tags: fc.array(fc.oneof(name, fc.constant('dubbo')), { maxLength: 3 }),
    meta: fc
      .tuple(
        fc.dictionary(name, text, { maxKeys: 80, noNullPrototype: true }),
        fc.option(url, { nil: undefined }),
      )
      .map(([meta, own]) => (own === undefined ? meta : { ...meta, url: own })),
    weight: fc.option(fc.integer({ min: 2, max: 1_000 }), { nil: undefined }),
    carried: fc.constant({}),
  }),
});
