import { setTimeout as sleep } from 'node:timers/promises';
import type { Staging } from './staging.js';

/** A third program between the same stores: reads a key in Consul, waits, and writes what it read to ZooKeeper. */
export class BlindCopier {
  private isRunning = true;
  private readonly copying: Promise<void>;

  constructor(staging: Staging, key: string, lateMs: number) {
    this.copying = this.copy(staging, key, lateMs);
  }

  async stop(): Promise<void> {
    this.isRunning = false;
    await this.copying;
  }

  private async copy(staging: Staging, key: string, lateMs: number): Promise<void> {
    while (this.isRunning) {
      const seen = (await staging.consul.get(key))?.value;
      await sleep(lateMs);
      if (seen !== undefined) await staging.zookeeper.set(`/${key}`, seen);
    }
  }
}
