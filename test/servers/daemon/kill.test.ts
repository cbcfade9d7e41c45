import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DaemonProcess } from '../../kit/daemon/daemon-process.js';
import { Staging } from '../../kit/daemon/staging.js';
import { waitUntil } from '../../kit/servers/wait-until.js';

const WRITES = 'zk_consul_sync_writes_total';
const KILLS = 10;
const ENTRIES_A_SIDE = 2_500;
const BATCH = 50;

describe('kill -9', () => {
  let staging: Staging;
  let daemon: DaemonProcess;

  beforeAll(async () => {
    staging = await Staging.start();
    daemon = await staging.startDaemon();
    await daemon.inSync();
  });
  afterAll(() => staging.dispose());

  /** Writes entries of its own on each side, and some of the other's, and returns what each key was given last. */
  async function burst(round: number): Promise<Map<string, Set<string>>> {
    const written = new Map<string, Set<string>>();
    const note = (key: string, value: string): void => {
      const values = written.get(key) ?? new Set();
      written.set(key, values.add(value));
    };
    const zookeeperSide = async (): Promise<void> => {
      for (let start = 0; start < ENTRIES_A_SIDE; start += BATCH) {
        const keys = Array.from({ length: BATCH }, (_, offset) => `z/${start + offset}`);
        await staging.zookeeper.multi(
          keys.map((key) => {
            const data = `z ${round} ${key}`;
            note(key, data);
            const path = `/config/${key}`;
            return round === 0 ? { kind: 'create', path, data } : { kind: 'set', path, data };
          }),
        );
      }
    };
    const consulSide = async (): Promise<void> => {
      for (let start = 0; start < ENTRIES_A_SIDE; start += BATCH) {
        const keys = Array.from({ length: BATCH }, (_, offset) => `c/${start + offset}`);
        await staging.consul.transaction(
          keys.map((key) => {
            const value = `c ${round} ${key}`;
            note(key, value);
            return { verb: 'set', key: `config/${key}`, value };
          }),
        );
      }
    };
    await Promise.all([zookeeperSide(), consulSide()]);
    return written;
  }

  it(`in the middle of a burst of 5,000 entries on both sides, ${KILLS} times in a row, loses nothing (S1, S7)`, async () => {
    await staging.zookeeper.create('/config/z', '');
    let last = new Map<string, Set<string>>();
    for (let round = 0; round < KILLS; round++) {
      const writing = burst(round);
      // In the middle of its work: it has written some of this burst already.
      await waitUntil('the daemon to write', async () => (await daemon.metric(WRITES)) > round * 50, {
        timeoutMs: 60_000,
      });
      await daemon.kill();
      last = await writing;
      await daemon.start();
    }
    const status = await daemon.inSync('config', 120_000);
    expect(status).toMatchObject({ state: 'live', entries: 2 * ENTRIES_A_SIDE, holds: [] });

    const consul = new Map(
      (await staging.consul.list('config/')).map(({ key, value }) => [key, value.toString()]),
    );
    expect(consul.size).toBe(2 * ENTRIES_A_SIDE);
    const keys = [...last.keys()];
    for (let start = 0; start < keys.length; start += 200) {
      const some = keys.slice(start, start + 200);
      const nodes = await Promise.all(some.map((key) => staging.zookeeper.get(`/config/${key}`)));
      for (const [index, key] of some.entries()) {
        const [value] = last.get(key) ?? [];
        expect(nodes[index]?.data?.toString(), key).toBe(value);
        expect(consul.get(`config/${key}`), key).toBe(value);
      }
    }
    expect(status.conflicts.total).toBe(0);
  }, 240_000);
});
