import { afterAll, beforeAll } from 'vitest';
import { ConsulClient } from '../../../src/consul/consul-client.js';
import { catalogFactsContract } from '../../kit/services/catalog-facts-contract.js';
import { catalogSubject } from '../../kit/services/catalog-subject.js';
import { replicaContract } from '../../kit/replica-contract.js';
import { startConsul } from '../../kit/servers/consul-server.js';
import type { ConsulServer } from '../../kit/servers/consul-server.js';
import { RawConsul } from '../../kit/servers/raw-consul.js';

let server: ConsulServer;

beforeAll(async () => {
  server = await startConsul();
});

afterAll(() => server.dispose());

replicaContract("Consul's catalog", () =>
  catalogSubject(new ConsulClient({ address: new URL(server.address) }), new RawConsul(server)),
);

catalogFactsContract('Consul', () => new RawConsul(server));
