import { afterEach, beforeEach, expect, it } from 'vitest';
import type { DaemonProcess } from '../../kit/daemon/daemon-process.js';
import { Staging } from '../../kit/daemon/staging.js';
import { waitUntil } from '../../kit/servers/wait-until.js';
import { command } from '../cli/command.js';

interface ObservedAnswer {
  readonly observing: boolean;
  readonly since: string | null;
  readonly totals: Readonly<Record<string, unknown>> | null;
  readonly days: readonly unknown[];
  readonly latest: readonly { readonly action: string; readonly on: string | null; readonly key: string }[];
}

let staging: Staging;
let daemon: DaemonProcess;

beforeEach(async () => (staging = await Staging.start()));
afterEach(() => staging.dispose());

async function counted(count: number): Promise<ObservedAnswer> {
  let answer: ObservedAnswer | undefined;
  await waitUntil(`${count} writes to be counted`, async () => {
    answer = await daemon.get<ObservedAnswer>('observed');
    expect(answer.latest.length).toBe(count);
    return true;
  });
  return answer!;
}

it('counts, in the shadow, what it would have written, over restarts, and writes nothing', async () => {
  await staging.zookeeper.create('/config/a', '1');
  await staging.consul.put('config/b', '1');
  daemon = await staging.startDaemon({ mappings: [{ mode: 'observe', verifyEvery: '1s' }] });
  await counted(2);
  // What alerts go by: the sides differ, and that is no trouble.
  expect(await daemon.metrics()).toMatch(/zk_consul_sync_observing\{mapping="config"\} 1\n/);
  await staging.zookeeper.set('/config/a', '2');
  await counted(3);
  await staging.zookeeper.remove('/config/a');
  const before = await counted(4);
  expect(before.latest.map(({ action, on, key }) => [action, on, key]).slice(0, 2)).toEqual([
    ['delete', 'consul', 'a'],
    ['update', 'consul', 'a'],
  ]);

  await daemon.stop();
  await staging.consul.put('config/b', '2');
  await daemon.start();
  const after = await counted(5);
  expect(after).toMatchObject({
    observing: true,
    since: before.since,
    totals: {
      create: { consul: 1 },
      update: { consul: 1 },
      delete: { zookeeper: 0, consul: 1 },
      conflict: { zookeeper: 0, consul: 0 },
      undecided: 0,
    },
  });
  expect(after.latest[0]).toMatchObject({ on: 'zookeeper', key: 'b' });
  expect((await staging.consul.list('')).map(({ key }) => key)).toEqual(['config/b']);
  expect(await staging.zookeeper.listTree('/config')).toEqual(['/config']);

  const { code, stdout } = await command('observed', 'config', '--admin', daemon.adminUrl, '--limit', '1');
  expect(stdout).toMatch(/^Mapping config only observes\. What it would have written since \d+ .* ago:$/m);
  expect(stdout).toMatch(/^ {2}all +zookeeper +\d +\d +0 +0$/m);
  expect(stdout).toMatch(/^ {2} +consul +1 +1 +1 +0$/m);
  expect(stdout.trimEnd().split('\n').at(-1)).toMatch(/in zookeeper +b$/);
  expect(code).toBe(0);
});

it('is still told when the mapping writes, and nothing of one that never observed', async () => {
  await staging.zookeeper.create('/config/a', '1');
  daemon = await staging.startDaemon({ mappings: [{ mode: 'observe' }] });
  await counted(1);
  await daemon.stop();
  await daemon.start({ mappings: [{ mode: 'sync' }] });
  await daemon.inSync();
  await staging.consulHolds('config/a', '1');
  expect(await daemon.get('observed')).toMatchObject({ observing: false, latest: [{ key: 'a' }] });

  await daemon.stop();
  await daemon.start({ mappings: [{ name: 'other', zookeeper: '/other', consul: 'other' }] });
  const { code, stdout } = await command('observed', 'other', '--admin', daemon.adminUrl);
  expect(stdout).toBe('Mapping other has not observed: it has no mode: observe\n');
  expect(code).toBe(1);
});
