import { Resolver } from 'node:dns/promises';
import { RawZooKeeper } from '../../kit/servers/raw-zookeeper.js';
import { arrival, inMs } from '../report.js';
import type { Report } from '../report.js';
import { SERVICES } from '../stage.js';
import type { Stage } from '../stage.js';

const NAME = 'web.service.consul';
const FROM_ZOOKEEPER = '10.0.0.7';
const FROM_CONSUL = '10.0.0.8';

/** Programs that register in one store are found in the other, where its own clients look, and go with their sessions. */
export async function showServices(stage: Stage, report: Report): Promise<void> {
  report.scene("Services: who registers in ZooKeeper answers in Consul's DNS, and back");
  const resolver = new Resolver({ timeout: 1_000, tries: 1 });
  resolver.setServers([`127.0.0.1:${String(stage.consulServer.dnsPort)}`]);
  const answers = async (): Promise<string[]> => (await resolver.resolve4(NAME).catch(() => [])).sort();

  const program = await RawZooKeeper.connect(stage.zookeeperServer);
  await stage.zookeeper.create('/services/web');
  await program.create('/services/web/1', registration(), { mode: 'ephemeral' });
  const shown = await arrival(answers, [FROM_ZOOKEEPER]);
  report.check(
    `an ephemeral znode in Curator's form: DNS answers for ${NAME}`,
    [FROM_ZOOKEEPER],
    shown.value,
    inMs(shown.tookMs),
  );

  const service = { ID: 'web-1', Name: 'web', Address: FROM_CONSUL, Port: 80 };
  await stage.consul.request('PUT', '/v1/agent/service/register', JSON.stringify(service));
  const found = await arrival(() => copiesIn(stage), [`${FROM_CONSUL}:80`]);
  report.check(
    "a service of Consul's agent: it has a znode in Curator's form",
    [`${FROM_CONSUL}:80`],
    found.value,
    inMs(found.tookMs),
  );

  await program.close();
  const gone = await arrival(answers, [FROM_CONSUL]);
  report.check(
    'the session ends: a second later DNS has only the other',
    [FROM_CONSUL],
    gone.value,
    inMs(gone.tookMs),
  );
  await stage.daemon.inSync(SERVICES);
}

/** Addresses of all copies, as programs with Curator read them. */
async function copiesIn(stage: Stage): Promise<string[]> {
  const names = await stage.zookeeper.children('/services/web');
  const nodes = await Promise.all(
    names.filter((name) => name !== '1').map((name) => stage.zookeeper.get(`/services/web/${name}`)),
  );
  return nodes.flatMap((node) => {
    if (node?.data === undefined || node.data === null) return [];
    const { address, port } = JSON.parse(node.data.toString()) as { address: string; port: number };
    return [`${address}:${String(port)}`];
  });
}

function registration(): string {
  return JSON.stringify({
    ...{ name: 'web', id: '1', address: FROM_ZOOKEEPER, port: 70, sslPort: null, payload: null },
    ...{ registrationTimeUTC: Date.now(), serviceType: 'DYNAMIC', uriSpec: null },
  });
}
