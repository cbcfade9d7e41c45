import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { DaemonProcess } from '../../kit/daemon/daemon-process.js';
import { NotifyReceiver } from '../../kit/daemon/notify-receiver.js';
import { Staging } from '../../kit/daemon/staging.js';
import { systemdNotify } from '../../kit/servers/found-tools.js';
import { waitUntil } from '../../kit/servers/wait-until.js';

let staging: Staging;
let directory: string;

beforeAll(async () => {
  staging = await Staging.start();
  directory = await mkdtemp(join(tmpdir(), 'zk-consul-sync-notify-'));
  // The daemon finds the program by its name.
  const { program, environment } = systemdNotify();
  const variables = Object.entries(environment).map(([name, value]) => `${name}='${value}' `);
  const script = `#!/bin/sh\n${variables.join('')}exec '${program}' "$@"\n`;
  await writeFile(join(directory, 'systemd-notify'), script);
  await chmod(join(directory, 'systemd-notify'), 0o755);
});
afterAll(async () => {
  await staging.dispose();
  await rm(directory, { recursive: true, force: true });
});

let deployments = 0;

async function supervised(
  address: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<{ daemon: DaemonProcess; receiver: NotifyReceiver }> {
  const name = `s${++deployments}`;
  const receiver = await NotifyReceiver.listen(address);
  onTestFinished(() => receiver.close());
  const daemon = await staging.startDaemon({
    mappings: [{ zookeeper: `/${name}`, consul: name }],
    config: { instance: name },
    environment: {
      NOTIFY_SOCKET: address,
      PATH: `${directory}:${process.env['PATH'] ?? ''}`,
      ...environment,
    },
  });
  return { daemon, receiver };
}

const pulses = (receiver: NotifyReceiver): number =>
  receiver.assignments.filter((one) => one === 'WATCHDOG=1').length;

describe('what systemd hears of the daemon', () => {
  it('is that it is up, how it does, that it lives, that it reads its configuration again, and that it ends', async () => {
    const { daemon, receiver } = await supervised(join(directory, 'all'), { WATCHDOG_USEC: '1000000' });
    await receiver.heard('READY=1');
    await receiver.heard('STATUS=1 of 1 mapping in sync');
    await waitUntil('signs of life', () => pulses(receiver) >= 3);

    daemon.signal('SIGHUP');
    const [, usec] = (await receiver.heard(/^MONOTONIC_USEC=\d+$/)).split('=');
    // The clock that systemd compares it with is the one that this process has as well.
    expect(Math.abs(Number(process.hrtime.bigint() / 1000n) - Number(usec))).toBeLessThan(60e6);
    await waitUntil('the end of the reload', () => {
      const { assignments } = receiver;
      return assignments.lastIndexOf('READY=1') > assignments.indexOf('RELOADING=1');
    });

    expect(await daemon.stop()).toBe(0);
    await receiver.heard('STOPPING=1');
    expect(receiver.messages[0]?.[0]).toBe('READY=1');
    expect(receiver.assignments.filter((one) => one === 'READY=1')).toHaveLength(2);
  });

  it('comes through an abstract socket, too', async () => {
    const { receiver } = await supervised(`@zk-consul-sync-test-${process.pid}`);
    await receiver.heard('READY=1');
    await receiver.heard(/^STATUS=. of 1 mapping in sync/);
  });

  it('is no sign of life while the process stands still', async () => {
    const { daemon, receiver } = await supervised(join(directory, 'still'), { WATCHDOG_USEC: '400000' });
    await waitUntil('signs of life', () => pulses(receiver) >= 2);
    daemon.signal('SIGSTOP');
    const before = await settled(() => pulses(receiver));
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(pulses(receiver)).toBe(before);
    daemon.signal('SIGCONT');
    await waitUntil('signs of life', () => pulses(receiver) > before);
  });

  it('is no sign of life where the watchdog is meant for another process', async () => {
    const { receiver } = await supervised(join(directory, 'other'), {
      WATCHDOG_USEC: '200000',
      WATCHDOG_PID: '1',
    });
    await receiver.heard('READY=1');
    expect(receiver.messages[0]).toEqual(['READY=1', expect.stringMatching(/^STATUS=/)]);
  });
});

it('a daemon that can tell systemd nothing says so once in its log, and goes on', async () => {
  const daemon = await staging.startDaemon({
    config: { instance: 'deaf' },
    environment: { NOTIFY_SOCKET: join(directory, 'nobody'), WATCHDOG_USEC: '200000' },
  });
  await daemon.inSync();
  const complaints = async (): Promise<number> =>
    (await daemon.log()).split('\n').filter((line) => line.includes('systemd could not be told')).length;
  await waitUntil('the complaint', async () => (await complaints()) === 1);
  expect(await daemon.stop()).toBe(0);
  expect(await complaints()).toBe(1);
});

/** The value of `read` once it has been the same for a moment: what was on its way has arrived. */
async function settled(read: () => number): Promise<number> {
  let last = read();
  for (let same = 0; same < 10;) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    same = read() === last ? same + 1 : 0;
    last = read();
  }
  return last;
}
