import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect } from 'vitest';
import { ConsulClient } from '../../../src/consul/consul-client.js';
import { replicaContract } from '../../kit/replica-contract.js';
import type { ReplicaUnderTest } from '../../kit/replica-contract.js';
import { startConsul } from '../../kit/servers/consul-server.js';
import type { ConsulServer } from '../../kit/servers/consul-server.js';
import { RawConsul } from '../../kit/servers/raw-consul.js';
import { waitUntil } from '../../kit/servers/wait-until.js';
import { permissionContract, storeContract } from '../../kit/store-contract.js';
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
storeContract('Consul', () => underTest(open, undefined));

const GUARDED = 'Consul with access control and a token for the mapping alone';
replicaContract(GUARDED, underGuard);
storeContract(GUARDED, underGuard);
permissionContract(GUARDED, underGuard);

async function underGuard(): Promise<ReplicaUnderTest & { hide: (key: string) => Promise<void> }> {
  const name = randomUUID();
  const rules = [`${name}/`, `zk-consul-sync/test/${name}`]
    .map((prefix) => `key_prefix "${prefix}" { policy = "write" }`)
    .join('\n');
  const { secret, policyId } = await new RawConsul(guarded).createToken(rules);
  const hide = async (key: string): Promise<void> => {
    const hidden = `key "${name}/${key}" { policy = "deny" }`;
    await new RawConsul(guarded).updatePolicy(policyId, `${rules}\n${hidden}`);
    const path = `/v1/kv/${name}/${key}`;
    const isHidden = async () => (await new RawConsul(guarded, secret).request('GET', path)).status === 403;
    await waitUntil('the narrowed policy', isHidden, { timeoutMs: 20_000 });
  };
  return { ...(await underTest(guarded, secret, name, 'release')), hide };
}

function underTest(
  server: ConsulServer,
  token: string | undefined,
  name: string = randomUUID(),
  behavior: 'release' | 'delete' = 'delete',
): Promise<ReplicaUnderTest> {
  const client = new ConsulClient({ address: new URL(server.address), token });
  const raw = new RawConsul(server);
  const prefix = `${name}/`;
  return Promise.resolve({
    replica: replicaOf(client, { prefix, ledgerKey: `zk-consul-sync/test/${name}` }),
    ledgerPlace: `test/${name}`,
    scanReadsValues: true,
    other: {
      put: async (key, value) => {
        await raw.put(prefix + key, value);
      },
      putTogether: async (entries) => {
        const operations = [...entries].map(([key, value]) => ({ verb: 'set', key: prefix + key, value }));
        expect(await raw.transaction(operations)).toMatchObject({ status: 200 });
      },
      bind: async (key, value) => {
        const session = await raw.createSession({ Behavior: behavior, LockDelay: '0s' });
        const lock = { verb: 'lock', key: prefix + key, value, session };
        expect(await raw.transaction([lock])).toMatchObject({ status: 200 });
        return () => raw.destroySession(session);
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
