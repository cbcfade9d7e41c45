import { describe, expect, it } from 'vitest';
import type { ArchiveRecord } from '../../../src/core/archive-record.js';
import type { Reading } from '../../../src/core/observation.js';
import { pairOf } from '../../../src/core/pair.js';
import { reconcile } from '../../../src/core/reconcile.js';
import { DecisionWorld } from './decision-world.js';
import {
  ABSENT,
  agreed,
  brief,
  inner,
  POLICY,
  present,
  situation,
  structureOf,
  version,
} from './situations.js';

/** A tree stands on the left, flat keys on the right, as ZooKeeper and Consul do. */

/** Lets the daemon settle the entry, and tells what it did on the way, its last decision included. */
function settle(world: DecisionWorld): string[] {
  return world.settle(POLICY, 5).map(brief);
}

function start(left: Reading, right: Reading, record?: ArchiveRecord, key = 'k'): DecisionWorld {
  return new DecisionWorld(situation({ key, left, right, record }));
}

/** The same entry after others have changed its sides. */
function after(world: DecisionWorld, changes: { left?: Reading; right?: Reading }): DecisionWorld {
  const { readings, ours } = world.situation;
  return new DecisionWorld({
    ...world.situation,
    readings: { ...readings, ...changes },
    ours: pairOf((side) => ours[side] && changes[side] === undefined),
  });
}

describe('an inner node without data', () => {
  it('agrees with nothing on the other side', () => {
    const world = start(inner(10), ABSENT);
    expect(settle(world)).toEqual(['record structure', 'nothing']);
    expect(world.situation.record).toEqual(structureOf('client', 'left', 10));
  });

  it('agrees with an empty value on the other side', () => {
    expect(settle(start(inner(10), present('', 20)))).toEqual(['record entry', 'nothing']);
  });

  it('is never dirty: a write of it that gives it no data is only recorded', () => {
    expect(settle(start(inner(11), present('', 20), agreed('')))).toEqual(['record entry', 'nothing']);
    expect(settle(start(inner(11), ABSENT, structureOf('client', 'left', 10)))).toEqual([
      'record structure',
      'nothing',
    ]);
  });

  it('is sticky: no entry appears when its last child goes', () => {
    const world = start(inner(10), ABSENT);
    settle(world);
    expect(settle(after(world, { left: present('', 10) }))).toEqual(['nothing']);
  });

  it('is sticky: no entry appears when a client writes it without data, with or without children', () => {
    const world = start(inner(10), ABSENT);
    settle(world);
    const written = after(world, { left: present('', 11) });
    expect(settle(written)).toEqual(['record structure', 'nothing']);
  });

  it('becomes an entry when a client gives it data', () => {
    const world = start(inner(10), ABSENT);
    settle(world);
    const given = after(world, { left: present('D', 11, { children: 1 }) });
    expect(settle(given)).toEqual(['create right with "D"', 'nothing']);
  });

  it('becomes an entry when it is deleted and made anew as a leaf', () => {
    const world = start(inner(10), ABSENT);
    settle(world);
    const anew = after(world, { left: present('', 11, { version: version(11, 11) }) });
    expect(settle(anew)).toEqual(['create right with ""', 'nothing']);
  });

  it('takes the value of a key that a client gives it on the other side', () => {
    const world = start(inner(10), ABSENT);
    settle(world);
    expect(settle(after(world, { right: present('D', 20) }))).toEqual(['update left with "D"', 'nothing']);
  });

  it('is forgotten when it is gone', () => {
    const world = start(inner(10), ABSENT);
    settle(world);
    expect(settle(after(world, { left: ABSENT }))).toEqual(['forget', 'nothing']);
  });
});

describe('a leaf without data', () => {
  const leaf = present('', 10, { version: version(10, 10) });
  const parent = inner(10, { version: version(10, 10) });

  it('is an entry with an empty value', () => {
    expect(settle(start(leaf, ABSENT))).toEqual(['create right with ""', 'nothing']);
  });

  it('that gains children becomes structure, and the empty key that the daemon had made for it is retracted', () => {
    const world = start(leaf, ABSENT);
    settle(world);
    const grown = after(world, { left: parent });
    expect(settle(grown)).toEqual(['remove right, retracted', 'record structure', 'nothing']);
    expect(grown.situation.record).toEqual({
      ...structureOf('client', 'left', 10),
      version: version(10, 10),
    });
  });

  it('that gains children keeps its key, if a client has written that, be it the same value', () => {
    const world = start(leaf, ABSENT);
    settle(world);
    const rewritten = after(world, { right: present('', 200, { version: version(200, 100) }) });
    settle(rewritten);
    expect(settle(after(rewritten, { left: parent }))).toEqual(['nothing']);
  });

  it('that gains children keeps its key, if a client had made that', () => {
    const world = start(leaf, present('', 20));
    settle(world);
    expect(settle(after(world, { left: parent }))).toEqual(['nothing']);
  });

  it('that gains children takes the value that a client has put into its key', () => {
    const world = start(leaf, ABSENT);
    settle(world);
    const both = after(world, { left: parent, right: present('D', 200) });
    expect(settle(both)).toEqual(['update left with "D"', 'nothing']);
  });

  it("S7: whose key was retracted stays a client's, though the daemon died before it could record that", () => {
    const world = start(leaf, ABSENT);
    settle(world);
    const grown = after(world, { left: parent });
    const retraction = reconcile(grown.situation, POLICY);
    grown.carryOut(retraction, { recorded: false });
    settle(grown);
    expect(grown.situation.record).toMatchObject({ kind: 'structure', owner: 'client' });
    expect(settle(after(grown, { left: leaf }))).toEqual(['nothing']);
  });
});

describe('a node that the daemon made only as a parent', () => {
  it('stays as long as it has children', () => {
    expect(settle(start(inner(10), ABSENT, structureOf('daemon', 'left', 10)))).toEqual(['nothing']);
  });

  it('is removed when its last child goes, and never comes back as an entry', () => {
    const world = start(present('', 10), ABSENT, structureOf('daemon', 'left', 10));
    expect(settle(world)).toEqual(['remove left, pruned', 'nothing']);
    expect(world.situation.readings.left).toEqual(ABSENT);
  });

  it('S7: is known by the ledger, too, if the daemon died before it could record it', () => {
    const ours = { left: true, right: false };
    const made = new DecisionWorld(situation({ left: inner(10), ours }));
    expect(settle(made)).toEqual(['record structure', 'nothing']);
    expect(made.situation.record).toEqual(structureOf('daemon', 'left', 10));
  });

  it("becomes a client's when a client writes it, and is then left alone", () => {
    const world = start(inner(11), ABSENT, structureOf('daemon', 'left', 10));
    expect(settle(world)).toEqual(['record structure', 'nothing']);
    expect(world.situation.record).toEqual(structureOf('client', 'left', 11));
  });

  it('becomes an entry when a client gives it data, on either side', () => {
    const record = structureOf('daemon', 'left', 10);
    const given = start(present('D', 11, { children: 1 }), ABSENT, record);
    expect(settle(given)).toEqual(['create right with "D"', 'nothing']);
    const keyed = start(inner(10), present('D', 20), record);
    expect(settle(keyed)).toEqual(['update left with "D"', 'nothing']);
  });
});

describe('deleting the key of an inner node', () => {
  const node = (children: number) => present('D', 10, { children });

  it("clears the node's data and leaves it as the daemon's structure; the children stay", () => {
    const world = start(node(1), ABSENT, agreed('D'));
    expect(settle(world)).toEqual(['remove left, deleted', 'nothing']);
    expect(world.situation.readings.left).toMatchObject({ kind: 'present', children: 1 });
    expect(world.situation.record).toMatchObject({ kind: 'structure', owner: 'daemon' });
  });

  it('comes to the same in whatever order the node and its last child are handled', () => {
    const parentFirst = start(node(1), ABSENT, agreed('D'));
    settle(parentFirst);
    const cleared = parentFirst.situation.readings.left;
    if (cleared.kind !== 'present') throw new Error('the node has gone with its child still there');
    const childGone = after(parentFirst, { left: { ...cleared, children: 0 } });
    expect(settle(childGone)).toEqual(['remove left, pruned', 'nothing']);

    const childFirst = start(node(0), ABSENT, agreed('D'));
    expect(settle(childFirst)).toEqual(['remove left, deleted', 'nothing']);
    expect(childFirst.situation.readings).toEqual(childGone.situation.readings);
    expect(childFirst.situation.record).toEqual(childGone.situation.record);
  });

  it('S7: is the same when the daemon died before it could record the clearing', () => {
    const world = start(node(1), ABSENT, agreed('D'));
    world.carryOut(reconcile(world.situation, POLICY), { recorded: false });
    expect(settle(world)).toEqual(['record structure', 'nothing']);
    expect(world.situation.record).toMatchObject({ kind: 'structure', owner: 'daemon' });
  });

  it("leaves an inner node without data as the daemon's structure, if both sides were clients'", () => {
    const world = start(inner(10), ABSENT, agreed(''));
    expect(settle(world)).toEqual(['record structure', 'nothing']);
    expect(world.situation.record).toEqual(structureOf('daemon', 'left', 10));
  });
});

describe('a client that clears the data of an inner node', () => {
  it('has the key emptied, and retracted if the daemon had made it', () => {
    const clients = start(inner(11), present('D', 20), agreed('D'));
    expect(settle(clients)).toEqual(['update right with ""', 'nothing']);
    const daemons = start(inner(11), present('D', 20), agreed('D', { copy: 'right' }));
    expect(settle(daemons)).toEqual([
      'update right with ""',
      'remove right, retracted',
      'record structure',
      'nothing',
    ]);
  });

  it('is in no conflict with another that deletes the key: structure agrees with nothing', () => {
    expect(settle(start(inner(11), ABSENT, agreed('D')))).toEqual(['record structure', 'nothing']);
  });

  it('is in conflict with another that changes the key', () => {
    const decision = reconcile(
      situation({ record: agreed('D'), left: inner(11), right: present('E', 21) }),
      POLICY,
    );
    expect(decision).toMatchObject({ do: 'copy', conflict: { kind: 'update-update' } });
  });
});

describe('a key that ends in a slash', () => {
  it('without a value is a folder marker, and left alone', () => {
    const world = start(ABSENT, present('', 20), undefined, 'k/');
    expect(settle(world)).toEqual(['record structure', 'nothing']);
    expect(world.situation.record).toEqual(structureOf('client', 'right', 20));
  });

  it('with a value is an entry', () => {
    const world = start(ABSENT, present('D', 20), undefined, 'k/');
    expect(settle(world)).toEqual(['create left with "D"', 'nothing']);
  });

  it('becomes an entry when a client gives it a value, and keeps its node when the value goes', () => {
    const world = start(ABSENT, present('D', 21), structureOf('client', 'right', 20), 'k/');
    expect(settle(world)).toEqual(['create left with "D"', 'nothing']);
    const emptied = after(world, { right: present('', 22) });
    expect(settle(emptied)).toEqual(['update left with ""', 'nothing']);
  });

  it('is never removed by the daemon as its own structure, if it was an entry', () => {
    const world = start(present('', 10), ABSENT, agreed(''), 'k/');
    expect(settle(world)).toEqual(['record structure', 'nothing']);
    expect(world.situation.record).toEqual(structureOf('client', 'left', 10));
  });

  it('of the whole prefix is a folder marker, too', () => {
    const world = start(ABSENT, present('', 20), undefined, '');
    expect(settle(world)).toEqual(['record structure', 'nothing']);
  });
});
