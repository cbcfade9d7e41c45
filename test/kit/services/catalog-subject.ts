import { randomUUID } from 'node:crypto';
import type { ConsulClient } from '../../../src/consul/consul-client.js';
import type { Clock } from '../../../src/ports/clock.js';
import type { RawRequests } from '../../servers/consul/catalog-fixture.js';
import { catalogOf, CatalogUser, translationOf } from '../../servers/consul/catalog-fixture.js';
import { recorded, TAGGED } from '../recorded-replica.js';
import type { ReplicaUnderTest } from '../replica-contract.js';

/** Copies of a list of its own in a Consul, real or in memory, as entries that contracts can be run on. */
export async function catalogSubject(
  client: ConsulClient,
  raw: RawRequests,
  options: { readonly clock?: Clock } = {},
): Promise<ReplicaUnderTest> {
  const list = `apps-${randomUUID()}`;
  const translation = translationOf({ list, node: `node-${list}`, bridge: list, namePrefix: `${list}-` });
  const user = new CatalogUser(raw);
  await user.makeNode(translation.node.name, translation.node.meta);
  const replica = recorded(
    catalogOf(client, translation, { ledgerKey: `zk-consul-sync/test/${list}`, ...options }),
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
  return {
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
      await user.transact([{ Node: { Verb: 'delete', Node: { Node: translation.node.name } } }]);
    },
  };
}
