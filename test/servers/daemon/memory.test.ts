import { readdir, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DaemonProcess } from '../../kit/daemon/daemon-process.js';
import { Staging } from '../../kit/daemon/staging.js';
import { inSyncWith, keysBelow, waitForContents, writeKeys, writeZnodes, znodesBelow } from './contents.js';

const KEYS_A_SIDE = 500;
const UPDATES = 200_000;
const ROUNDS = UPDATES / (2 * KEYS_A_SIDE);
const MIB = 1024 * 1024;
const SAMPLES = 5;
const SAMPLE_EVERY_MS = 200;
const COLLECTOR = new URL('../../kit/daemon/collect-garbage.mjs', import.meta.url).href;
/** A daemon that keeps only 100 bytes of each of the last 150,000 updates is above this. */
const GROWTH_MAX = 12 * MIB;
/** What V8 has not given back yet, and pages of the archive's file that are in memory anyway, come on top. */
const RESIDENT_GROWTH_MAX = 48 * MIB;
const ARCHIVE_MAX = 32 * MIB;

interface Footprint {
  readonly residentBytes: number;
  readonly heapBytes: number;
  readonly archiveBytes: number;
}

describe(`${UPDATES} updates of the same ${2 * KEYS_A_SIDE} entries`, () => {
  let staging: Staging;
  let daemon: DaemonProcess;

  beforeAll(async () => {
    staging = await Staging.start();
    await staging.zookeeper.create('/config');
    daemon = await staging.startDaemon({
      config: { log: { level: 'info' } },
      nodeArguments: ['--expose-gc', '--import', COLLECTOR],
    });
    await daemon.inSync();
  });
  afterAll(() => staging.dispose());

  const contents = (side: string, round: number): Map<string, Buffer> =>
    new Map(
      Array.from({ length: KEYS_A_SIDE }, (_, number) => {
        const key = `${side}-${number}`;
        return [key, Buffer.from(`${key} in round ${round}`.padEnd(100, '.'))];
      }),
    );

  async function write(kind: 'create' | 'set', round: number): Promise<void> {
    await Promise.all([
      writeZnodes(staging, kind, '/config', contents('z', round)),
      writeKeys(staging, 'config/', contents('c', round)),
    ]);
  }

  async function settled(round: number): Promise<void> {
    const wanted = new Map([...contents('z', round), ...contents('c', round)]);
    await waitForContents(() => keysBelow(staging, 'config/'), wanted);
    await waitForContents(() => znodesBelow(staging, '/config'), wanted);
    await inSyncWith(daemon, 2 * KEYS_A_SIDE);
  }

  /** The lowest of some samples, each taken after the garbage was collected. */
  async function footprint(): Promise<Footprint> {
    let residentBytes = Infinity;
    let heapBytes = Infinity;
    for (let sample = 0; sample < SAMPLES; sample++) {
      daemon.signal('SIGUSR2');
      await sleep(SAMPLE_EVERY_MS);
      residentBytes = Math.min(residentBytes, await daemon.metric('process_resident_memory_bytes'));
      heapBytes = Math.min(heapBytes, await daemon.metric('nodejs_heap_size_used_bytes'));
    }
    return { residentBytes, heapBytes, archiveBytes: await bytesBelow(daemon.archivePath) };
  }

  it('leave the memory and the archive of the daemon as large as they were after a quarter of them (S9)', async ({
    annotate,
  }) => {
    await write('create', 0);
    await settled(0);
    const footprints = new Map<number, Footprint>();
    for (let round = 1; round <= ROUNDS; round++) {
      await write('set', round);
      if (![ROUNDS / 4, ROUNDS / 2, ROUNDS].includes(round)) continue;
      await settled(round);
      const now = await footprint();
      footprints.set(round, now);
      const { residentBytes, heapBytes, archiveBytes } = now;
      const mib = (bytes: number): string => (bytes / MIB).toFixed(1);
      await annotate(
        `${round * 2 * KEYS_A_SIDE} updates: resident ${mib(residentBytes)} MiB, heap ${mib(heapBytes)} MiB, archive ${mib(archiveBytes)} MiB`,
      );
    }

    const quarter = footprints.get(ROUNDS / 4);
    const all = footprints.get(ROUNDS);
    if (quarter === undefined || all === undefined) throw new Error('no samples were taken');
    expect(all.heapBytes - quarter.heapBytes).toBeLessThan(GROWTH_MAX);
    expect(all.residentBytes - quarter.residentBytes).toBeLessThan(RESIDENT_GROWTH_MAX);
    expect(all.archiveBytes).toBeLessThan(ARCHIVE_MAX);
    expect((await daemon.mapping()).conflicts.total).toBe(0);
  }, 240_000);
});

async function bytesBelow(directory: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(directory, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
  }
  return bytes;
}
