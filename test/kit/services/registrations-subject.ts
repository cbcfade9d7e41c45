import type { Replica } from '../../../src/ports/replica.js';
import { RegistrationsReplica } from '../../../src/services/registrations-replica.js';
import { decodeRecord, encodeRecord } from '../../../src/services/service-record.js';
import { translationOf } from '../../servers/consul/catalog-fixture.js';
import { digest } from '../../servers/consul/replica-fixture.js';
import { recorded } from '../recorded-replica.js';
import type { Recording } from '../recorded-replica.js';
import type { ClientWriter, ReplicaUnderTest } from '../replica-contract.js';

const COPY = 'web/zk-consul-sync:test:node:';

/** Each key as the copy of a catalog's instance, and the value as what Curator calls the payload. */
const AS_PAYLOAD: Recording = {
  keyOf: (key) => COPY + encodeURIComponent(key),
  plainKeyOf: (key) => (key.startsWith(COPY) ? decodeURIComponent(key.slice(COPY.length)) : ` none ${key}`),
  prefixOf: () => 'web/',
  plainPrefixOf: () => '',
  recordOf: (value) => {
    const payload = JSON.stringify(Buffer.from(value).toString('base64'));
    return encodeRecord({
      address: 'a',
      port: 1,
      tags: [],
      meta: {},
      weight: undefined,
      carried: { payload },
    });
  },
  valueOf: (record) => {
    const text = JSON.parse(decodeRecord(record).carried['payload'] ?? '""') as string;
    return new Uint8Array(Buffer.from(text, 'base64'));
  },
};

export interface RegistrationsTree {
  /** Of a base path of its own. */
  readonly nodes: Replica;
  /** Another program on the nodes below it. */
  readonly user: Pick<ClientWriter, 'put' | 'putTogether' | 'remove' | 'get'>;
  readonly ledgerPlace: string;
  dispose(): Promise<void>;
}

/** Copies in a tree, real or in memory, as entries that contracts can be run on. */
export function registrationsSubject({
  nodes,
  user,
  ledgerPlace,
  dispose,
}: RegistrationsTree): ReplicaUnderTest {
  const translation = translationOf();
  const nodeOf = (key: string, value: Uint8Array) =>
    translation.nodeOf(AS_PAYLOAD.keyOf(key), AS_PAYLOAD.recordOf(value));
  return {
    replica: recorded(new RegistrationsReplica({ nodes, translation, digest }), AS_PAYLOAD),
    ledgerPlace,
    scanReadsValues: true,
    other: {
      put: (key, value) => user.put(AS_PAYLOAD.keyOf(key), nodeOf(key, value)),
      putTogether: (entries) =>
        user.putTogether(
          new Map([...entries].map(([key, value]) => [AS_PAYLOAD.keyOf(key), nodeOf(key, value)])),
        ),
      bind: () => Promise.reject(new Error('nothing of a session is a copy')),
      remove: (key) => user.remove(AS_PAYLOAD.keyOf(key)),
      get: async (key) => {
        const data = await user.get(AS_PAYLOAD.keyOf(key));
        if (data === undefined) return undefined;
        const parsed = translation.parseNode(AS_PAYLOAD.keyOf(key), data);
        return parsed.kind === 'up' ? AS_PAYLOAD.valueOf(encodeRecord(parsed.record)) : undefined;
      },
    },
    dispose,
  };
}
