import type { DaemonProcess } from '../kit/daemon/daemon-process.js';

const METRIC = 'zk_consul_sync_propagation_seconds_bucket';

/** Adds up a histogram of processes that come and go, and tells its quantiles. */
export class Propagation {
  readonly #buckets = new Map<number, number>();

  /** Takes in what a process has counted. To be called once in its life, at its end. */
  async take(process: DaemonProcess): Promise<void> {
    if (!process.isRunning) return;
    for (const [, le = '', count = ''] of (await process.metrics()).matchAll(
      new RegExp(String.raw`^${METRIC}\{.*?le="([^"]+)".*?\} (\d+)`, 'gm'),
    )) {
      const bound = le === '+Inf' ? Infinity : Number(le);
      this.#buckets.set(bound, (this.#buckets.get(bound) ?? 0) + Number(count));
    }
  }

  get count(): number {
    return this.#buckets.get(Infinity) ?? 0;
  }

  /** The bound of the bucket in which so great a share of all changes (0 to 1) is, in seconds. */
  quantile(share: number): number {
    const bounds = [...this.#buckets].sort(([a], [b]) => a - b);
    return bounds.find(([, count]) => count >= share * this.count)?.[0] ?? Infinity;
  }
}
