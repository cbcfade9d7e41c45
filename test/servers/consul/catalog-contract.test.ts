import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll } from 'vitest';
import { ConsulClient } from '../../../src/consul/consul-client.js';
import { recorded, TAGGED } from '../../kit/recorded-replica.js';
import { replicaContract } from '../../kit/replica-contract.js';
import type { ReplicaUnderTest } from '../../kit/replica-contract.js';
import { startConsul } from '../../kit/servers/consul-server.js';
import type { ConsulServer } from '../../kit/servers/consul-server.js';
import { RawConsul } from '../../kit/servers/raw-consul.js';
import { catalogOf, CatalogUser, translationOf } from './catalog-fixture.js';

let server: ConsulServer;

beforeAll(async () => {
  server = await startConsul();
});

afterAll(() => server.dispose());

replicaContract("Consul's catalog", async () => {
  const list = `apps-${randomUUID()}`;
  const translation = translationOf({ list, node: `node-${list}`, bridge: list, namePrefix: `${list}-` });
  const client = new ConsulClient({ address: new URL(server.address) });
  const user = new CatalogUser(new RawConsul(server));
  await user.makeNode(translation.node.name, translation.node.meta);
  const replica = recorded(
    catalogOf(client, translation, { ledgerKey: `zk-consul-sync/test/${list}` }),
    TAGGED,
  );
  const registrationOf = (key: string, value: Uint8Array) =>
    translation.registrationOf(TAGGED.keyOf(key), TAGGED.recordOf(value));
  const placeOf = (key: string) => {
    const place = translation.placeOf(TAGGED.keyOf(key));
    if (place === undefined) throw new Error(`${key} is no instance`);
    return place;
  };
  /** With the check that a copy has. */
  const copyOf = (key: string, value: Uint8Array): readonly unknown[] => {
    const registration = registrationOf(key, value);
    const { node, id } = registration;
    const check = { Node: node, CheckID: `registered:${id}`, Name: 'c', Status: 'passing', ServiceID: id };
    return [user.operation(registration), { Check: { Verb: 'set', Check: check } }];
  };
  const subject: ReplicaUnderTest = {
    replica,
    ledgerPlace: `test/${list}`,
    scanReadsValues: true,
    keepsNothingBeside: true,
    other: {
      put: (key, value) => user.transact(copyOf(key, value)),
      putTogether: (entries) => user.transact([...entries].flatMap(([key, value]) => copyOf(key, value))),
      bind: () => Promise.reject(new Error('nothing of a session is a copy')),
      remove: (key) => user.deregister(placeOf(key)),
      get: async (key) => {
        const { id, service } = placeOf(key);
        const instances = await user.instances(service);
        const found = instances.find(({ registration }) => registration.id === id);
        return found && TAGGED.valueOf(translation.valueOf(found.registration));
      },
    },
    dispose: async () => {
      client.close();
      await user.raw.request(
        'PUT',
        '/v1/catalog/deregister',
        JSON.stringify({ Node: translation.node.name }),
      );
    },
  };
  return subject;
});
