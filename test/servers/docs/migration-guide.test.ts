import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Staging } from '../../kit/daemon/staging.js';
import { RawZooKeeper } from '../../kit/servers/raw-zookeeper.js';
import { waitUntil } from '../../kit/servers/wait-until.js';
import { command, Configurations } from '../cli/command.js';

const GUIDE = readFileSync(new URL('../../../docs/migration-guide.md', import.meta.url), 'utf8');

/** The commands that the guide shows, in their order, each with what it says that they print. */
const SHOWN = [...GUIDE.matchAll(/^```console\n\$ zk-consul-sync (.*)\n([^]*?)^```$/gm)].map(
  ([, args = '', output = '']) => ({ args, output }),
);

/** What is different each time: times, digests, sessions and addresses. */
function withoutChance(output: string): string {
  return output
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replace(/(?:\d+ (?:d|h|min|s) ?)+(?= ago)/g, 'AGO')
    .replace(/(?<=, for )\d.*$/gm, 'AGO')
    .replace(/(?<=digest )[0-9a-f]{12}/g, 'DIGEST')
    .replace(/session 0x[0-9a-f]+/g, 'session SESSION')
    .replace(/from 127\.0\.0\.1:\d+/g, 'from ADDRESS')
    .replace(/written (?:before|between|after) .*$/gm, 'WRITTEN')
    .replace(/AGO +ago/g, 'AGO ago');
}

let staging: Staging;
let configurations: Configurations;
let watching: RawZooKeeper;

beforeAll(async () => {
  [staging, configurations] = await Promise.all([Staging.start(), Configurations.create()]);
  await staging.zookeeper.create('/config/app/mode', 'slow');
  await staging.zookeeper.create('/config/app/limit', '10');
  await staging.zookeeper.create('/config/billing/currency', 'EUR');
  watching = await RawZooKeeper.connect(staging.zookeeperServer);
});
afterAll(async () => {
  await watching.close();
  await staging.dispose();
  await configurations.dispose();
});

/** Runs the next command of the guide, and holds its output to what is shown. */
async function next(args: string, configFile: string): Promise<void> {
  const shown = SHOWN.shift();
  expect(shown?.args).toBe(args);
  const { stdout, stderr } = await command(...args.split(' '), '--no-color', '--config', configFile);
  expect(withoutChance(stdout)).toBe(shown?.output);
  // What goes on, and nothing else.
  expect(stderr).toMatch(/^(Watching for 5 s .*\n)?$/);
}

describe('docs/migration-guide.md', () => {
  it('shows a migration as it goes, from nothing to ZooKeeper switched off', async () => {
    expect(SHOWN).toHaveLength(9);
    const { zookeeper, consul } = staging;
    const places = { zookeeper: staging.zookeeperServer.connect, consul: staging.consulServer.address };
    await next('plan', await configurations.write(places));

    const daemon = await staging.startDaemon();
    await daemon.inSync();
    await next('diff', daemon.configFile);
    await next('cutover config --to consul --yes', daemon.configFile);
    await daemon.inSync();

    await watching.watchData('/config/billing/currency');
    await zookeeper.set('/config/app/mode', 'fast');
    await staging.consulHolds('config/app/mode', 'fast');
    await consul.put('config/billing/currency', 'CHF');
    await staging.zookeeperHolds('/config/billing/currency', 'CHF');
    await watching.watchData('/config/billing/currency');
    await daemon.inSync();
    await next('cutover status config', daemon.configFile);
    await next('cutover config --to consul --yes', daemon.configFile);
    await next('cutover config --to consul --quiet-for 0s --yes', daemon.configFile);
    await daemon.inSync();

    await zookeeper.set('/config/app/mode', 'of a night');
    await waitUntil('the drift to be seen', async () => (await daemon.mapping()).driftedTotal === 1);
    await next('cutover config --back --yes', daemon.configFile);
    await staging.zookeeperHolds('/config/app/mode', 'fast');
    await daemon.inSync();
    await next('conflicts resolve config 1 --keep zookeeper --yes', daemon.configFile);
    await staging.consulHolds('config/app/mode', 'of a night');
    await staging.zookeeperHolds('/config/app/mode', 'of a night');
    await daemon.inSync();

    expect(await daemon.stop()).toBe(0);
    await next('retire default --yes', daemon.configFile);
    // Users' entries stay, and nothing else does.
    expect(await zookeeper.children('/')).toEqual(expect.arrayContaining(['config']) as string[]);
    expect(await zookeeper.get('/zk-consul-sync/default')).toBeUndefined();
    expect(await consul.list('zk-consul-sync/')).toEqual([]);
    expect((await consul.list('config/')).map(({ key }) => key)).toEqual([
      ...['config/app/limit', 'config/app/mode', 'config/billing/currency'],
    ]);
  }, 480_000);
});
