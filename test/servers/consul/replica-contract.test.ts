import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll } from 'vitest';
import { ConsulClient } from '../../../src/consul/consul-client.js';
import { replicaContract } from '../../kit/replica-contract.js';
import type { ReplicaUnderTest } from '../../kit/replica-contract.js';
import { startConsul } from '../../kit/servers/consul-server.js';
import type { ConsulServer } from '../../kit/servers/consul-server.js';
import { RawConsul } from '../../kit/servers/raw-consul.js';
import { replicaOf } from './replica-fixture.js';

let open: ConsulServer;
let guarded: ConsulServer;

beforeAll(async () => {
  [open, guarded] = await Promise.all([startConsul(), startConsul({ acl: true })]);
});

afterAll(async () => {
  await Promise.all([open.dispose(), guarded.dispose()]);
});

replicaContract('Consul', () => underTest(open, undefined));

replicaContract('Consul with access control and a token for the mapping alone', async () => {
  const name = randomUUID();
  const rules = [`${name}/`, `zk-consul-sync/test/${name}`].map(
    (prefix) => `key_prefix "${prefix}" { policy = "write" }`,
  );
  const { secret } = await new RawConsul(guarded).createToken(rules.join('\n'));
  return underTest(guarded, secret, name);
});

function underTest(
  server: ConsulServer,
  token: string | undefined,
  name: string = randomUUID(),
): Promise<ReplicaUnderTest> {
  const client = new ConsulClient({ address: new URL(server.address), token });
  const raw = new RawConsul(server);
  const prefix = `${name}/`;
  return Promise.resolve({
    replica: replicaOf(client, { prefix, ledgerKey: `zk-consul-sync/test/${name}` }),
    ledgerPlace: `test/${name}`,
    other: {
      put: async (key, value) => {
        await raw.put(prefix + key, value);
      },
      remove: (key) => raw.delete(prefix + key),
      get: async (key) => {
        const entry = await raw.get(prefix + key);
        return entry && new Uint8Array(entry.value);
      },
    },
    dispose: async () => {
      client.close();
      await raw.deleteTree(prefix);
    },
  });
}
