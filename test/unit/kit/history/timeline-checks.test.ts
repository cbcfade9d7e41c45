import { describe, expect, it } from 'vitest';
import type { StoreName, Value } from '../../../kit/history/history.js';
import { checkJustifiedWrites } from '../../../kit/history/justified-writes.js';
import { checkInsideTheLines, checkNoEcho } from '../../../kit/history/quiet-and-boundaries.js';
import type { OtherChange, TimelineEvent } from '../../../kit/history/timeline.js';

/** Events one second apart, each told in one line. */
class Story {
  readonly timeline: TimelineEvent[] = [];
  private readonly stand = {
    zookeeper: undefined as Value | undefined,
    consul: undefined as Value | undefined,
  };

  get nowMs(): number {
    return this.timeline.length * 1_000;
  }

  client(store: StoreName, after: Value | undefined): this {
    return this.write('client', store, after);
  }

  daemon(store: StoreName, after: Value | undefined): this {
    return this.write('daemon', store, after);
  }

  journaled(zookeeper: Value | undefined, consul: Value | undefined): this {
    this.timeline.push({ kind: 'journaled', atMs: this.nowMs, key: 'k', values: { zookeeper, consul } });
    return this;
  }

  trashed(store: StoreName, value: Value): this {
    this.timeline.push({ kind: 'trashed', atMs: this.nowMs, store, key: 'k', value });
    return this;
  }

  /** A deletion that the daemon carries over, and what it deletes is kept. */
  deletes(store: StoreName): this {
    return this.trashed(store, this.stand[store] ?? '').daemon(store, undefined);
  }

  replaced(store: StoreName, value: Value | undefined, isUnnoticeable = false): this {
    this.stand[store] = value;
    const contents = new Map(value === undefined ? [] : [['k', value]]);
    this.timeline.push({ kind: 'replaced', atMs: this.nowMs, store, contents, isUnnoticeable });
    return this;
  }

  restarted(): this {
    this.timeline.push({ kind: 'agreement-restarted', atMs: this.nowMs });
    return this;
  }

  elsewhere(change: OtherChange): this {
    this.timeline.push({ ...this.commit('daemon', 'zookeeper'), changes: [change] });
    return this;
  }

  private write(writer: 'client' | 'daemon', store: StoreName, after: Value | undefined): this {
    const changes = [{ place: 'entry', key: 'k', before: this.stand[store], after }] as const;
    this.stand[store] = after;
    this.timeline.push({ ...this.commit(writer, store), changes });
    return this;
  }

  private commit(writer: 'client' | 'daemon', store: StoreName): TimelineEvent & { kind: 'commit' } {
    return { kind: 'commit', atMs: this.nowMs, store, number: BigInt(this.nowMs), writer, changes: [] };
  }
}

function unjustified(story: Story, raceMs = 0): number {
  return checkJustifiedWrites(story.timeline, { raceMs }).length;
}

const agreed = (): Story => new Story().client('zookeeper', 'a').daemon('consul', 'a');

describe('justified writes (S1, S3, S4)', () => {
  it('carries creations, updates and deletions over', () => {
    const story = agreed().client('zookeeper', 'b').daemon('consul', 'b');
    expect(unjustified(story.client('consul', undefined).deletes('zookeeper'))).toBe(0);
  });

  it('finds a deletion whose value is not in the trash of that store before it', () => {
    const deleted = (): Story => agreed().client('zookeeper', undefined);
    expect(unjustified(deleted().deletes('consul'))).toBe(0);
    expect(unjustified(deleted().daemon('consul', undefined))).toBe(1);
    expect(unjustified(deleted().daemon('consul', undefined).trashed('consul', 'a'))).toBe(1);
    expect(unjustified(deleted().trashed('zookeeper', 'a').daemon('consul', undefined))).toBe(1);
    expect(unjustified(deleted().trashed('consul', 'b').daemon('consul', undefined))).toBe(1);
  });

  it('does not ask for what went with a session', () => {
    const { timeline } = agreed().client('zookeeper', undefined).daemon('consul', undefined);
    expect(checkJustifiedWrites(timeline, { raceMs: 0, everOwned: new Set(['k']) })).toEqual([]);
  });

  it('finds a value that the other store has never held', () => {
    expect(unjustified(new Story().client('zookeeper', 'a').daemon('consul', 'b'))).toBe(1);
  });

  it("finds a client's value that is replaced before both sides had it, unless the journal has it", () => {
    const both = (): Story => new Story().client('zookeeper', 'a').client('consul', 'b');
    expect(unjustified(both().daemon('zookeeper', 'b'))).toBe(1);
    expect(unjustified(both().journaled('a', 'b').daemon('zookeeper', 'b'))).toBe(0);
    expect(unjustified(both().daemon('zookeeper', 'b').journaled('a', 'b'))).toBe(1);
  });

  it("finds a client's value that is replaced although no client has changed the other side since", () => {
    expect(
      unjustified(agreed().client('zookeeper', 'b').client('zookeeper', 'a').daemon('zookeeper', 'b')),
    ).toBe(1);
    expect(unjustified(agreed().deletes('zookeeper'))).toBe(1);
  });

  it('finds a deleted copy whose original has been there all the time', () => {
    expect(unjustified(agreed().deletes('consul'))).toBe(1);
    expect(unjustified(agreed().client('zookeeper', undefined).deletes('consul'))).toBe(0);
  });

  it('does not take what is missing since a store was replaced for deleted', () => {
    expect(unjustified(agreed().replaced('zookeeper', undefined).deletes('consul'))).toBe(1);
    const restored = agreed().client('zookeeper', 'b').daemon('consul', 'b');
    expect(unjustified(restored.replaced('zookeeper', 'a').daemon('consul', 'a'))).toBe(1);
  });

  it('allows that, where the journal has it', () => {
    const replaced = agreed().replaced('zookeeper', undefined).journaled('a', 'a');
    expect(unjustified(replaced.deletes('consul'))).toBe(0);
  });

  it('allows that, where nothing could tell the daemon, and the trash has it', () => {
    const replaced = (): Story => agreed().replaced('zookeeper', undefined, true);
    expect(unjustified(replaced().deletes('consul'))).toBe(0);
    expect(unjustified(replaced().daemon('consul', undefined))).toBe(1);
  });

  it('allows what was on its way when a store was replaced, in place of a copy that a client had outdated', () => {
    const outdated = agreed().client('zookeeper', 'b').client('zookeeper', 'c').daemon('consul', 'b');
    const story = outdated.replaced('zookeeper', 'a').daemon('consul', 'c');
    expect(unjustified(story)).toBe(1);
    expect(unjustified(story, 30_000)).toBe(0);
  });

  it('takes what a backup brings back for what clients had done with it', () => {
    const deleted = agreed().client('consul', undefined).deletes('zookeeper');
    expect(unjustified(deleted.replaced('zookeeper', 'a').deletes('zookeeper'))).toBe(0);
  });

  it('forgets what was agreed on when agreement begins anew', () => {
    const story = (): Story => agreed().client('zookeeper', 'b').restarted();
    expect(unjustified(story().daemon('consul', 'b'))).toBe(1);
    expect(unjustified(story().journaled('b', 'a').daemon('consul', 'b'))).toBe(0);
  });

  it('lets the daemon take away empty nodes that it made, and none that a client made', () => {
    expect(
      unjustified(new Story().client('consul', '').daemon('zookeeper', '').daemon('zookeeper', undefined)),
    ).toBe(0);
    expect(unjustified(new Story().client('zookeeper', '').daemon('zookeeper', undefined))).toBe(1);
  });

  it('lets the daemon take away what a client emptied, once it was deleted at the other store', () => {
    const emptied = (): Story => agreed().client('zookeeper', '');
    expect(unjustified(emptied().daemon('zookeeper', undefined))).toBe(1);
    expect(unjustified(emptied().client('consul', undefined).daemon('zookeeper', undefined))).toBe(0);
  });

  it("allows S3's exception: a znode recreated a moment before", () => {
    const story = agreed().client('consul', 'b').client('zookeeper', undefined).client('zookeeper', 'c');
    story.daemon('zookeeper', 'b');
    expect(unjustified(story, 1_000)).toBe(0);
    expect(unjustified(story, 500)).toBe(1);
  });
});

describe('no echo (S2)', () => {
  it('finds any write of a daemon to an entry in the quiet time, and no other', () => {
    const { timeline } = agreed();
    expect(checkNoEcho(timeline, 1_000)).toHaveLength(1);
    expect(checkNoEcho(timeline, 1_001)).toEqual([]);
  });
});

describe('inside the lines (S8)', () => {
  it('allows the namespace and the creation of the root, and nothing else', () => {
    const found = (change: OtherChange): number =>
      checkInsideTheLines(new Story().elsewhere(change).timeline).length;
    expect(found({ place: 'namespace', name: '/own', change: 'changed' })).toBe(0);
    expect(found({ place: 'root', name: '/config', change: 'created' })).toBe(0);
    expect(found({ place: 'root', name: '/config', change: 'deleted' })).toBe(1);
    expect(found({ place: 'outside', name: '/configuration', change: 'created' })).toBe(1);
  });
});
