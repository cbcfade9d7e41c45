import { describe, expect, it } from 'vitest';
import { planChaos } from '../../chaos/chaos-plan.js';
import { SeededRandom } from '../../kit/memory-store/seeded-random.js';

const MINUTES_20 = 20 * 60_000;

describe('a plan of faults', () => {
  it('comes from its seed alone', () => {
    const plan = (seed: number): unknown => planChaos(new SeededRandom(seed), { forMs: 60_000, daemons: 2 });
    expect(plan(1)).toEqual(plan(1));
    expect(plan(1)).not.toEqual(plan(2));
  });

  it('disturbs one thing of a lane at a time, and everything within its time', () => {
    const lanes = planChaos(new SeededRandom(1), { forMs: MINUTES_20, daemons: 2 });
    for (const lane of lanes) {
      expect(lane.length).toBeGreaterThan(20);
      lane.forEach(({ atMs }, index) => {
        const before = lane[index - 1];
        expect(atMs).toBeGreaterThan(before === undefined ? 0 : before.atMs + before.lastsMs);
        expect(atMs).toBeLessThan(MINUTES_20);
      });
    }
  });

  it('knows every kind of disturbance, for every store and every daemon', () => {
    const steps = planChaos(new SeededRandom(1), { forMs: 3 * MINUTES_20, daemons: 3 }).flat();
    const seen = new Set(
      steps.flatMap(({ disturbance: { kind, ...rest } }) => [
        kind,
        ...('store' in rest ? [`${kind} ${rest.store}`] : []),
        ...('daemon' in rest ? [`${kind} ${rest.daemon}`] : []),
        ...('fault' in rest ? [rest.fault.kind] : []),
      ]),
    );
    for (const kind of ['kill-server', 'pause-server', 'lose-quorum']) {
      for (const store of ['zookeeper', 'consul']) expect(seen).toContain(`${kind} ${store}`);
    }
    for (const kind of ['kill-agent', 'pause-agent', 'switch-agent', 'network both'])
      expect(seen).toContain(kind);
    for (const kind of ['kill-daemon', 'pause-daemon', 'stop-daemon', 'network']) {
      for (const daemon of [0, 1, 2]) expect(seen).toContain(`${kind} ${daemon}`);
    }
    for (const kind of ['refuse', 'cut', 'half-cut', 'black-hole', 'delay', 'mid-frame']) {
      expect(seen).toContain(kind);
    }
  });
});
