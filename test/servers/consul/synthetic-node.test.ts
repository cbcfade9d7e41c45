import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { CatalogClient } from '../../../src/consul/catalog/catalog-client.js';
import { SyntheticNode } from '../../../src/consul/catalog/synthetic-node.js';
import { ConsulClient } from '../../../src/consul/consul-client.js';
import { ScriptedHttpPeer } from '../../kit/scripted-http-peer.js';
import { ConsulServer, startConsul } from '../../kit/servers/consul-server.js';
import { freePorts } from '../../kit/servers/free-ports.js';
import { RawConsul } from '../../kit/servers/raw-consul.js';
import { ServerProcess } from '../../kit/servers/server-process.js';
import { waitUntil } from '../../kit/servers/wait-until.js';
import { CatalogUser } from './catalog-fixture.js';
import { NEVER } from './replica-fixture.js';

const MARKS = { 'external-source': 'zookeeper', 'zk-consul-sync': 'default' };
const INDEX = { 'X-Consul-Index': '1' };
const NOT_PROVEN = /^it may have services that are not shown to this token/;

let open: ConsulServer;
let guarded: ConsulServer;

beforeAll(async () => {
  [open, guarded] = await Promise.all([startConsul(), startConsul({ acl: true })]);
});

afterAll(async () => {
  await Promise.all([open.dispose(), guarded.dispose()]);
});

/** A node of ours, and a program that registers on it. */
async function nodeOn(server: ConsulServer, address = new URL(server.address), token?: string) {
  const name = `zk-consul-sync-${randomUUID()}`;
  const client = new ConsulClient({ address, token });
  onTestFinished(() => client.close());
  const node = new SyntheticNode(new CatalogClient(client), { name, meta: MARKS });
  await node.ensure(NEVER);
  const user = new CatalogUser(new RawConsul(server));
  const register = () => user.register({ ...FOREIGN, node: name });
  const services = async () => {
    const { text } = await user.raw.request('GET', `/v1/catalog/node/${name}?consistent`);
    return Object.keys((JSON.parse(text) as { Services?: object } | null)?.Services ?? {});
  };
  return { name, node, user, register, services };
}

const FOREIGN = {
  ...{ id: 'foreign', service: 'foreign', address: '10.0.0.1' },
  ...{ port: 80, tags: [], meta: {}, weight: 1 },
};

async function nodeNames({ raw }: CatalogUser): Promise<readonly string[]> {
  const { text } = await raw.request('GET', '/v1/catalog/nodes?consistent');
  return (JSON.parse(text) as { Node: string }[]).map(({ Node }) => Node);
}

/** Everything but the foreign service. */
async function narrowToken(): Promise<string> {
  const rules = 'node_prefix "" { policy = "write" } service_prefix "mine" { policy = "write" }';
  return (await new RawConsul(guarded).createToken(rules)).secret;
}

describe('the node of the copies', () => {
  it('goes when it is empty, where nobody may be refused anything', async () => {
    const { name, node, user } = await nodeOn(open);
    expect(await node.remove(NEVER)).toBeUndefined();
    expect(await nodeNames(user)).not.toContain(name);
    expect(await node.remove(NEVER)).toBeUndefined();
  });

  it('S8: stays while anything is on it', async () => {
    const { node, services, register } = await nodeOn(open);
    await register();
    expect(await node.remove(NEVER)).toBe('it still has 1 service');
    expect(await services()).toEqual(['foreign']);
  });

  it('S5, S8: stays where the token may not read what is on it', async () => {
    const { name, node, services, register } = await nodeOn(
      guarded,
      new URL(guarded.address),
      await narrowToken(),
    );
    await register();
    const left = await node.remove(NEVER);
    expect(await services()).toEqual(['foreign']);
    expect(left).toMatch(NOT_PROVEN);
    expect(left).toContain(`{"Node":"${name}"}`);
  });

  it('S5, S8: stays where the agent that is asked has no access control, and the servers have', async () => {
    const [http = 0, server = 0, serfLan = 0] = await freePorts(3);
    const config = { server: false, bootstrap_expect: undefined, retry_join: [guarded.gossipAddress] };
    const agent = new ConsulServer(
      await ServerProcess.create('consul'),
      { http, server, serfLan },
      { config },
    );
    onTestFinished(() => agent.dispose());
    await agent.launch();
    const raw = new RawConsul(agent);
    await waitUntil('it to have joined', async () => {
      return (await raw.request('GET', '/v1/catalog/nodes')).status === 200;
    });
    const own = await raw.request('GET', '/v1/acl/token/self');
    expect(own).toMatchObject({ status: 401, text: 'ACL support disabled' });

    const { node, services, register } = await nodeOn(guarded, new URL(agent.address), await narrowToken());
    await register();
    expect(await node.remove(NEVER)).toMatch(NOT_PROVEN);
    expect(await services()).toEqual(['foreign']);
  });

  it('S3, S8: stays when somebody registers on it between the look and the removal', async () => {
    const onward = await ScriptedHttpPeer.start(async ({ method, path, query, body }) => {
      if (body.includes('delete-cas')) await registerAsMostDo();
      const target = `${path}?${query.toString()}`;
      const answer = await raw.request(method, target, method === 'GET' ? undefined : body);
      return { status: answer.status, headers: INDEX, body: answer.text };
    });
    onTestFinished(() => onward.dispose());
    const raw = new RawConsul(open);
    const { name, node, services } = await nodeOn(open, onward.address);
    const registerAsMostDo = () => {
      const service = { ID: 'foreign', Service: 'foreign' };
      const body = JSON.stringify({ Node: name, Address: '10.0.0.1', Service: service });
      return raw.request('PUT', '/v1/catalog/register', body);
    };
    expect(await node.remove(NEVER)).toMatch(/index is stale/);
    expect(await services()).toEqual(['foreign']);
  });

  it('S5, S8: stays where a service has the name of what Consul says without namespaces', async () => {
    const onward = await ScriptedHttpPeer.start(async ({ method, path, query, body }) => {
      if (query.has('ns'))
        return { status: 200, body: '{"Namespaces are a Consul Enterprise feature":[]}', headers: INDEX };
      const answer = await raw.request(
        method,
        `${path}?${query.toString()}`,
        method === 'GET' ? undefined : body,
      );
      return { status: answer.status, headers: INDEX, body: answer.text };
    });
    onTestFinished(() => onward.dispose());
    const raw = new RawConsul(open);
    const { name, node, user } = await nodeOn(open, onward.address);
    expect(await node.remove(NEVER)).toMatch(NOT_PROVEN);
    expect(await nodeNames(user)).toContain(name);
  });
});
