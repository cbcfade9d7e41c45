import { expect, it } from 'vitest';
import { ConsulClient } from '../../../src/consul/consul-client.js';
import { encodeRecord } from '../../../src/services/service-record.js';
import { LinkedTransport } from '../../kit/memory-consul/linked-transport.js';
import { MemoryCatalog } from '../../kit/memory-consul/memory-catalog.js';
import { Link } from '../../kit/memory-store/link.js';
import { SeededRandom } from '../../kit/memory-store/seeded-random.js';
import { SimClock } from '../../kit/memory-store/sim-clock.js';
import { mustApply, scanAll } from '../../kit/replica-contract.js';
import { catalogOf, translationOf } from '../../servers/consul/catalog-fixture.js';

const NEVER = new AbortController().signal;
const value = encodeRecord({
  address: '10.0.0.1',
  port: 80,
  tags: [],
  meta: {},
  weight: undefined,
  carried: {},
});

it('a walk finds copies of services that are left out by now, and not what others register under their names', async () => {
  const clock = new SimClock();
  const catalog = new MemoryCatalog();
  const link = new Link({ storeName: 'catalog', clock, random: new SeededRandom(1) });
  const transport = new LinkedTransport({ catalog, link, clock, writer: 'daemon' });
  const client = new ConsulClient({ address: new URL('http://consul:8500'), transport });
  const before = catalogOf(client, translationOf(), { clock });
  const operations = ['web/1', 'api/1'].map((key) => ({ kind: 'create', key, value }) as const);
  mustApply(await before.write({ operations, ledger: undefined }, NEVER));
  const original = { ID: 'web-1', Service: 'web', Address: '10.0.0.2', Port: 80 };
  catalog.apply(
    [
      { Node: { Verb: 'set', Node: { Node: 'host', Address: '10.0.0.2' } } },
      { Service: { Verb: 'set', Node: 'host', Service: original } },
    ],
    'client',
  );

  const after = catalogOf(client, translationOf({ exclude: ['web'] }), { clock });
  expect([...(await scanAll(after)).keys()]).toEqual(['api/1', 'web/1']);
});
