import type { Report } from '../report.js';
import { inMs } from '../report.js';
import type { Stage } from '../stage.js';
import { differing } from '../stage.js';

const IN_ZOOKEEPER = 30;
const IN_CONSUL = 20;

/** Two trees that have nothing in common, and a daemon that has never seen them. */
export async function showFirstStart(stage: Stage, report: Report): Promise<void> {
  report.scene('First start: what either side has, both have');
  await stage.zookeeper.create('/config', '');
  for (let number = 1; number <= IN_ZOOKEEPER; number++) {
    await stage.zookeeper.create(`/config/orders/setting-${String(number)}`, `value ${String(number)}`);
  }
  for (let number = 1; number <= IN_CONSUL; number++) {
    await stage.consul.put(`config/billing/setting-${String(number)}`, `value ${String(number)}`);
  }
  const before = {
    zookeeper: Object.keys(await stage.zookeeperEntries()).length,
    consul: Object.keys(await stage.consulEntries()).length,
  };
  report.check(
    `clients wrote ${String(IN_ZOOKEEPER)} entries to ZooKeeper and ${String(IN_CONSUL)} others to Consul`,
    { zookeeper: IN_ZOOKEEPER, consul: IN_CONSUL },
    before,
  );
  const startedMs = performance.now();
  await stage.startDaemon();
  report.note(`the daemon runs: ${stage.daemon.adminUrl}, configured by ${stage.daemon.configFile}`);
  await stage.daemon.inSync();
  const tookMs = performance.now() - startedMs;
  const [zookeeper, consul] = await Promise.all([stage.zookeeperEntries(), stage.consulEntries()]);
  const all = IN_ZOOKEEPER + IN_CONSUL;
  report.check(
    `both have all ${String(all)}, so long after its process was started`,
    { zookeeper: all, consul: all, differing: [] },
    {
      zookeeper: Object.keys(zookeeper).length,
      consul: Object.keys(consul).length,
      differing: differing(zookeeper, consul),
    },
    inMs(tookMs),
  );
}
