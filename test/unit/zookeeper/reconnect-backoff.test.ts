import { describe, expect, it } from 'vitest';
import { ReconnectBackoff } from '../../../src/zookeeper/reconnect-backoff.js';

const delays = (backoff: ReconnectBackoff, count: number) =>
  Array.from({ length: count }, () => backoff.nextDelayMs());

describe('ReconnectBackoff', () => {
  it('tries each server once without delay, then doubles up to five seconds', () => {
    const backoff = new ReconnectBackoff(3, { next: () => 0.999_999 });
    const rounded = delays(backoff, 12).map((ms) => Math.round(ms));
    expect(rounded).toEqual([0, 0, 0, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000]);
  });

  it('varies by half, so that many clients do not come back at the same moment', () => {
    const [least, most] = [0, 0.999_999].map((chance) => {
      const backoff = new ReconnectBackoff(0, { next: () => chance });
      return Math.round(delays(backoff, 1)[0] ?? 0);
    });
    expect([least, most]).toEqual([50, 100]);
  });

  it('begins again after a connection that lasted, and not after one that was lost at once', () => {
    const backoff = new ReconnectBackoff(1, { next: () => 0 });
    delays(backoff, 4);
    backoff.connectionLost(4_999);
    expect(backoff.nextDelayMs()).toBeGreaterThan(100);
    backoff.connectionLost(5_000);
    expect(backoff.nextDelayMs()).toBe(0);
  });

  it('stays bounded after any number of failures', () => {
    const backoff = new ReconnectBackoff(1, { next: () => 0.5 });
    expect(Math.max(...delays(backoff, 5_000))).toBeLessThanOrEqual(5_000);
  });
});
