import { describe, expect, it } from 'vitest';
import { ReachedZxid } from '../../../src/zookeeper/reached-zxid.js';

const GRACE_MS = 4_000;

function reached() {
  let nowMs = 0;
  const zxids = new ReachedZxid({ monotonicMs: () => nowMs }, GRACE_MS);
  return { zxids, pass: (ms: number) => (nowMs += ms) };
}

describe('how far the ensemble has come', () => {
  it('S6: a server that is behind is not believed, and one that has come as far is', () => {
    const { zxids } = reached();
    expect(zxids.judge(10n)).toBeUndefined();
    expect(zxids.judge(9n)).toBe(10n);
    expect(zxids.judge(10n)).toBeUndefined();
    expect(zxids.judge(12n)).toBeUndefined();
    expect(zxids.judge(11n)).toBe(12n);
  });

  it('S6: what was written, or is known from before, counts as well', () => {
    const { zxids } = reached();
    zxids.expect(20n);
    zxids.expect(15n);
    expect(zxids.judge(19n)).toBe(20n);
  });

  it('S6: an ensemble that stays behind was restored, and is taken as it is after a while', () => {
    const { zxids, pass } = reached();
    zxids.expect(20n);
    expect(zxids.judge(5n)).toBe(20n);
    pass(GRACE_MS - 1);
    expect(zxids.judge(6n)).toBe(20n);
    pass(1);
    expect(zxids.judge(6n)).toBeUndefined();
    expect(zxids.judge(5n)).toBe(6n);
  });

  it('L3: that holds also where it is asked more seldom than the while is long', () => {
    const { zxids, pass } = reached();
    zxids.expect(20n);
    expect(zxids.judge(5n)).toBe(20n);
    pass(2 * GRACE_MS);
    expect(zxids.judge(5n)).toBeUndefined();
  });

  it('S6: what was found long ago says nothing of a server that is behind now', () => {
    const { zxids, pass } = reached();
    zxids.expect(20n);
    expect(zxids.judge(5n)).toBe(20n);
    pass(3_600_000);
    expect(zxids.judge(5n)).toBe(20n);
  });

  it('S6: one that has caught up meanwhile begins anew when it is behind again', () => {
    const { zxids, pass } = reached();
    zxids.expect(20n);
    expect(zxids.judge(5n)).toBe(20n);
    expect(zxids.judge(20n)).toBeUndefined();
    pass(GRACE_MS);
    expect(zxids.judge(5n)).toBe(20n);
  });

  it('a reply that tells no zxid says nothing', () => {
    const { zxids } = reached();
    zxids.expect(20n);
    expect(zxids.judge(0n)).toBeUndefined();
    expect(zxids.judge(19n)).toBe(20n);
  });
});
