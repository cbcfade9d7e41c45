import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DaemonControl } from '../../../src/ports/control.js';
import { Supervised } from '../../../src/systemd/supervised.js';
import { SimClock } from '../../kit/memory-store/sim-clock.js';
import { waitUntil } from '../../kit/servers/wait-until.js';
import { daemonStatus, mappingStatus } from '../admin/fake-control.js';
import { RecordingLogger } from '../admin/recording-logger.js';

const WATCHDOG_MS = 30_000;

let clock: SimClock;
let logger: RecordingLogger;
let sent: string[][];
let isDeaf: boolean;
let isAlive: boolean;
let inSync: boolean;
let stopping: AbortController;
let reporting: Promise<void>;

const daemon: DaemonControl = {
  status: () => daemonStatus({ mappings: [mappingStatus({ name: 'a', inSync, state: 'live' })] }),
  alive: () => isAlive,
  mapping: () => undefined,
};

beforeEach(() => {
  [clock, logger, sent, stopping] = [new SimClock(), new RecordingLogger(), [], new AbortController()];
  [isDeaf, isAlive, inSync] = [false, true, true];
});
afterEach(async () => {
  stopping.abort();
  await reporting;
});

function supervised(watchdogMs: number | undefined = WATCHDOG_MS): Supervised {
  const send = (assignments: readonly string[]): Promise<void> => {
    if (isDeaf) return Promise.reject(new Error('nobody listens'));
    sent.push([...assignments]);
    return Promise.resolve();
  };
  return new Supervised({ receiver: { send }, watchdogMs, clock, logger });
}

async function reports(subject = supervised()): Promise<void> {
  reporting = subject.report(daemon, stopping.signal);
  await rests();
}

const rests = () => waitUntil('the report to rest', () => clock.sleepers === 1);
const pass = async (ms: number): Promise<void> => {
  await clock.advance(ms);
  await rests();
};

describe('a daemon that systemd watches over', () => {
  it('says once that it is up, and then at half of the time that it is alive', async () => {
    await reports();
    expect(sent).toEqual([['READY=1', 'WATCHDOG=1', 'STATUS=1 of 1 mapping in sync']]);
    await pass(WATCHDOG_MS / 2);
    await pass(WATCHDOG_MS / 2);
    expect(sent.slice(1)).toEqual([['WATCHDOG=1'], ['WATCHDOG=1']]);
  });

  it('tells its status again when it is another one, also where there is no watchdog', async () => {
    const subject = new Supervised({
      receiver: { send: async (assignments) => void sent.push([...assignments]) },
      watchdogMs: undefined,
      clock,
      logger,
    });
    await reports(subject);
    await pass(60_000);
    inSync = false;
    await pass(60_000);
    expect(sent).toEqual([
      ['READY=1', 'STATUS=1 of 1 mapping in sync'],
      ['STATUS=0 of 1 mapping in sync; a has 0 to write'],
    ]);
  });

  it('says nothing of being alive while a loop stands still, so that it is started again', async () => {
    await reports();
    isAlive = false;
    await pass(2 * WATCHDOG_MS);
    expect(sent.slice(1).flat()).toEqual([]);
    expect(logger.lines.filter(({ level }) => level === 'error')).not.toEqual([]);
    isAlive = true;
    await pass(WATCHDOG_MS / 2);
    expect(sent.at(-1)).toEqual(['WATCHDOG=1']);
  });

  it('says that it is up until it is heard, sooner than the watchdog bites, and logs once that it was not', async () => {
    isDeaf = true;
    await reports();
    await pass(WATCHDOG_MS / 2);
    isDeaf = false;
    await pass(WATCHDOG_MS / 8);
    expect(sent).toEqual([['READY=1', 'WATCHDOG=1', 'STATUS=1 of 1 mapping in sync']]);
    expect(logger.lines.filter(({ level }) => level === 'error')).toHaveLength(1);
  });

  it('is not up again before a reload is over, however it ends', async () => {
    const subject = supervised();
    await reports(subject);
    const reloading = subject.reloading(async () => {
      await pass(WATCHDOG_MS / 2);
      throw new Error('the reload failed');
    });
    await expect(reloading).rejects.toThrow('the reload failed');
    expect(sent.slice(1)).toEqual([
      ['RELOADING=1', expect.stringMatching(/^MONOTONIC_USEC=\d+$/)],
      ['WATCHDOG=1'],
      ['READY=1'],
    ]);
  });

  it('says that it is ending', async () => {
    await supervised().stopping();
    expect(sent).toEqual([['STOPPING=1', 'STATUS=Finishing what is in flight']]);
  });
});

it('a daemon that nobody watches over keeps silent, and has no timer for it', async () => {
  await Supervised.by({}, clock, logger).report(daemon, stopping.signal);
  expect(clock.sleepers).toBe(0);
  expect(logger.lines).toEqual([]);
});
