import { describe, expect, it } from 'vitest';
import { statusLine } from '../../../src/systemd/status-line.js';
import { daemonStatus, mappingStatus } from '../admin/fake-control.js';

const lineOf = (...mappings: ReadonlyArray<Parameters<typeof mappingStatus>[0]>): string =>
  statusLine(daemonStatus({ mappings: mappings.map(mappingStatus) }));

describe('the line that systemctl shows', () => {
  it('says that all is in sync', () => {
    expect(lineOf({ name: 'a' })).toBe('1 of 1 mapping in sync');
    expect(lineOf({ name: 'a' }, { name: 'b' })).toBe('2 of 2 mappings in sync');
  });

  it('names what is not, with the reasons of holds, each once', () => {
    const hold = { reason: 'oscillating', key: 'x', sinceMs: 0, detail: '' };
    expect(
      lineOf(
        { name: 'a', state: 'paused', inSync: false },
        { name: 'b', inSync: false, pending: { left: 3, right: 1 } },
        { name: 'c', holds: [hold, { ...hold, key: 'y' }] },
      ),
    ).toBe('1 of 3 mappings in sync; a paused; b has 4 to write; c live (oscillating)');
  });

  it('names stores that are away', () => {
    const away = { connected: false, address: '', server: undefined, lastError: undefined };
    const line = statusLine(daemonStatus({ replicas: { zookeeper: away, consul: away }, mappings: [] }));
    expect(line).toBe('0 of 0 mappings in sync; not connected to ZooKeeper and Consul');
  });

  it('S9: names five mappings at most', () => {
    const many = Array.from({ length: 1000 }, (_, index) =>
      mappingStatus({ name: `m${index}`, state: 'held' }),
    );
    expect(statusLine(daemonStatus({ mappings: many }))).toMatch(/; m4 held; and 995 more$/);
  });
});
