import { parseArgs } from 'node:util';
import { describeError, Report } from './report.js';
import { showCrash } from './scenes/crash.js';
import { showDowntime } from './scenes/downtime.js';
import { showFirstStart } from './scenes/first-start.js';
import { showLiveChanges } from './scenes/live-changes.js';
import { showMassDeletion } from './scenes/mass-deletion.js';
import { showQuiet } from './scenes/quiet.js';
import { showServices } from './scenes/services.js';
import { Stage } from './stage.js';

/**
 * `npm run demo`: shows the daemon's main job between a real ZooKeeper and a real Consul, and stays up until Ctrl-C for
 * the reader's own tries. With `--once` it ends by itself. Exit code 0 only if everything shown was verified.
 */

const SCENES = [
  showFirstStart,
  showLiveChanges,
  showDowntime,
  showCrash,
  showMassDeletion,
  showServices,
  showQuiet,
] as const;

const { values: options } = parseArgs({ options: { once: { type: 'boolean', default: false } } });
const report = new Report();
const cleanUps: (() => Promise<unknown>)[] = [];
const interrupted = new Promise<void>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve());
});

let isGood = false;
const played = play().catch((error: unknown) => {
  report.broken('the demo', error);
});
await Promise.race([played, interrupted]);
await cleanUp();
process.exit(isGood ? 0 : 1);

async function play(): Promise<void> {
  const startedMs = performance.now();
  report.title('zk-consul-sync: real servers, on free ports of this machine and in temporary folders');
  const stage = await Stage.start(report, (cleanUp) => cleanUps.push(cleanUp));
  for (const scene of SCENES) {
    try {
      await scene(stage, report);
    } catch (error) {
      report.broken('this scene ended early', error);
      break;
    }
  }
  isGood = report.summary(performance.now() - startedMs);
  if (options.once) return;
  await invite(stage);
  await interrupted;
  report.note('ending the daemon and both servers, deleting their folders');
}

/** Where everything is, and what to try in another terminal. */
async function invite(stage: Stage): Promise<void> {
  const { zookeeperServer, consulServer, daemon } = stage;
  const zkCli = await stage.writeZkCli();
  const consul = consulServer.address;
  const admin = daemon.adminUrl;
  report.title('Everything stays up until Ctrl-C. In another terminal:');
  const groups: Readonly<Record<string, readonly string[]>> = {
    [`ZooKeeper ${zookeeperServer.connect}`]: [
      `${zkCli} ls -R /config`,
      `${zkCli} set /config/keystore secret`,
      `${zkCli} deleteall /config/orders`,
    ],
    [`Consul ${consul}`]: [
      `curl -s '${consul}/v1/kv/config/?keys'`,
      `curl -s -X PUT -d 'my value' ${consul}/v1/kv/config/my/key`,
      `curl -s -X DELETE '${consul}/v1/kv/config/?recurse'   # too much: it is held`,
    ],
    [`The daemon ${admin}`]: [
      `curl -s ${admin}/api/v1/status`,
      `curl -s ${admin}/api/v1/mappings/config/conflicts`,
      `curl -s -X POST -H 'Content-Type: application/json' ${admin}/api/v1/mappings/config/approve`,
      `curl -s ${admin}/metrics`,
    ],
    ['Its command line, in the checkout']: [
      `node dist/main.js status --watch --admin ${admin}`,
      `node dist/main.js explain config my/key --admin ${admin}`,
      `node dist/main.js diff --config ${daemon.configFile}`,
      `node dist/main.js --help`,
    ],
    ['Its files']: [`cat ${daemon.configFile}`, `tail -f ${daemon.directory}/daemon.log`],
  };
  for (const [where, commands] of Object.entries(groups)) {
    report.line();
    report.line(where);
    for (const command of commands) report.line(`  ${command}`);
  }
  report.line();
}

/** The last started first. */
async function cleanUp(): Promise<void> {
  for (const dispose of cleanUps.reverse()) {
    await dispose().catch((error: unknown) => {
      process.stderr.write(`could not clean up: ${describeError(error)}\n`);
    });
  }
}
