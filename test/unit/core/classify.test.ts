import { describe, expect, it } from 'vitest';
import { agreementOf, classify, isRegressed, isStructure } from '../../../src/core/classify.js';
import { ABSENT, agreed, inner, present, structureOf, UNKNOWN, version } from './situations.js';

const NOT_OURS = { left: false, right: false };

describe('the state of a side that was agreed on', () => {
  it.each([
    ['clean: it is at the agreed version', 'k', present('D', 10), 'clean'],
    ['moved: another version has the agreed content', 'k', present('D', 11), 'moved'],
    [
      'moved: it was deleted, and made anew with the agreed content',
      'k',
      present('D', 11, { version: version(11, 11) }),
      'moved',
    ],
    ['dirty: another version has another content', 'k', present('E', 11), 'dirty'],
    ['dirty: an inner node has lost its data', 'k', inner(11), 'dirty'],
    ['absent: that is proven', 'k', ABSENT, 'absent'],
    ['unknown: it could not be read', 'k', UNKNOWN, 'unknown'],
  ] as const)('%s', (_, key, reading, state) => {
    expect(classify(key, agreed('D'), reading, 'left')).toBe(state);
  });

  it('is structure, and not moved, when an entry without data has got children', () => {
    expect(classify('k', agreed(''), inner(10), 'left')).toBe('structure');
    expect(classify('k', agreed(''), inner(11), 'left')).toBe('structure');
    expect(classify('k', agreed(''), present('', 10), 'left')).toBe('clean');
  });

  it('is judged by its own side of the version vector', () => {
    expect(classify('k', agreed('D'), present('D', 20), 'right')).toBe('clean');
    expect(classify('k', agreed('D'), present('D', 20), 'left')).toBe('moved');
  });

  it('is moved or dirty, by its content, where the agreed version of that side was never recorded', () => {
    const halfKnown = { ...agreed('D'), versions: { left: undefined, right: version(20) } };
    expect(classify('k', halfKnown, present('D', 10), 'left')).toBe('moved');
    expect(classify('k', halfKnown, present('E', 10), 'left')).toBe('dirty');
  });
});

describe('the state of a side that was never agreed on', () => {
  it('is dirty with whatever content, an empty one too', () => {
    expect(classify('k', undefined, present('D', 10), 'left')).toBe('dirty');
    expect(classify('k', undefined, present('', 10), 'left')).toBe('dirty');
  });

  it('is structure where a node without data has children, and where a folder marker has no value', () => {
    expect(classify('k', undefined, inner(10), 'left')).toBe('structure');
    expect(classify('k/', undefined, present('', 10), 'left')).toBe('structure');
    expect(classify('', undefined, present('', 10), 'left')).toBe('structure');
  });

  it('is dirty where a folder marker has a value, or an inner node has data', () => {
    expect(classify('k/', undefined, present('D', 10), 'left')).toBe('dirty');
    expect(classify('k', undefined, present('D', 10, { children: 1 }), 'left')).toBe('dirty');
  });
});

describe('the state of structure', () => {
  const structure = structureOf('client', 'left', 10);

  it('is sticky: it stays structure when its last child goes', () => {
    expect(classify('k', structure, present('', 10), 'left')).toBe('structure');
  });

  it('is sticky: it stays structure when a client writes it without giving it data', () => {
    expect(classify('k', structure, present('', 11), 'left')).toBe('structure');
  });

  it('ends when a client gives it data', () => {
    expect(classify('k', structure, present('D', 11), 'left')).toBe('dirty');
  });

  it('ends when it was deleted and made anew as a leaf', () => {
    expect(classify('k', structure, present('', 11, { version: version(11, 11) }), 'left')).toBe('dirty');
  });

  it('says nothing about the other side', () => {
    expect(classify('k', structure, present('', 10), 'right')).toBe('dirty');
  });
});

describe('isRegressed', () => {
  it('S6: a version below the agreed one is regressed, on either side', () => {
    expect(isRegressed(agreed('D'), present('E', 9), 'left')).toBe(true);
    expect(isRegressed(agreed('D'), present('E', 19), 'right')).toBe(true);
    expect(isRegressed(agreed('D'), present('E', 10), 'left')).toBe(false);
    expect(isRegressed(agreed('D'), present('E', 21), 'right')).toBe(false);
  });

  it('S6: structure below its recorded version is regressed, on the side where it stands', () => {
    expect(isRegressed(structureOf('client', 'left', 10), inner(9), 'left')).toBe(true);
    expect(isRegressed(structureOf('client', 'left', 10), inner(10), 'left')).toBe(false);
    expect(isRegressed(structureOf('client', 'left', 10), present('D', 9), 'right')).toBe(false);
  });

  it('nothing is regressed without a record or without a reading', () => {
    expect(isRegressed(undefined, present('D', 1), 'left')).toBe(false);
    expect(isRegressed(agreed('D'), ABSENT, 'left')).toBe(false);
    expect(isRegressed(agreed('D'), UNKNOWN, 'left')).toBe(false);
  });
});

describe('isStructure', () => {
  it('has no bytes, and either children or the key of a folder marker', () => {
    expect(isStructure('k', inner(1))).toBe(true);
    expect(isStructure('k/', present('', 1))).toBe(true);
    expect(isStructure('k', present('', 1))).toBe(false);
    expect(isStructure('k', present('D', 1, { children: 1 }))).toBe(false);
    expect(isStructure('k/', present('D', 1))).toBe(false);
  });
});

describe('what the ledger adds to the archive', () => {
  it('is nothing, where no reading is a write of the daemon', () => {
    const record = agreed('D');
    expect(agreementOf('k', record, { left: present('E', 11), right: present('F', 21) }, NOT_OURS)).toBe(
      record,
    );
    expect(agreementOf('k', undefined, { left: present('E', 11), right: ABSENT }, NOT_OURS)).toBeUndefined();
  });

  it('is nothing new, where the archive knows the write already', () => {
    const record = agreed('D');
    const readings = { left: present('D', 10), right: present('D', 20) };
    expect(agreementOf('k', record, readings, { left: true, right: true })).toBe(record);
  });

  it('S7: is the content that the daemon wrote, at its version; of the other side the archive is still right', () => {
    const readings = { left: present('E', 11), right: present('E', 21) };
    expect(agreementOf('k', agreed('D'), readings, { left: false, right: true })).toMatchObject({
      kind: 'entry',
      digest: readings.right.digest,
      versions: { left: version(10), right: version(21) },
    });
  });

  it('S7: is an agreement without an archive, too; the other side was seen at no version', () => {
    const readings = { left: ABSENT, right: present('E', 21) };
    expect(agreementOf('k', undefined, readings, { left: false, right: true })).toMatchObject({
      kind: 'entry',
      versions: { left: undefined, right: version(21) },
      copy: undefined,
    });
  });

  it('S7: keeps what the archive has of the entry besides: its session, its copy, its rewrites', () => {
    const record = agreed('D', { session: 'left', copy: 'right', mirrorRewrites: 3 });
    const readings = { left: present('E', 11), right: present('E', 21) };
    expect(agreementOf('k', record, readings, { left: false, right: true })).toMatchObject({
      session: 'left',
      copy: 'right',
      mirrorRewrites: 3,
    });
  });

  it('S7: knows the version of structure that the archive has on the other side', () => {
    const readings = { left: inner(10), right: present('E', 21) };
    expect(
      agreementOf('k', structureOf('client', 'left', 10), readings, { left: false, right: true }),
    ).toMatchObject({ versions: { left: version(10), right: version(21) } });
  });

  it('tells that the daemon created the entry, and not only wrote it, by its version', () => {
    const created = present('E', 21, { version: version(21, 21) });
    expect(
      agreementOf('k', undefined, { left: ABSENT, right: created }, { left: false, right: true }),
    ).toMatchObject({ copy: 'right' });
    const both = { left: present('E', 11), right: created };
    expect(agreementOf('k', undefined, both, { left: true, right: true })).toMatchObject({ copy: 'right' });
  });

  it('is structure of the daemon, where it had made a parent', () => {
    const readings = { left: inner(11), right: ABSENT };
    expect(agreementOf('k', undefined, readings, { left: true, right: false })).toEqual(
      structureOf('daemon', 'left', 11),
    );
  });

  it('is nothing, where both sides are writes of the daemon with different contents: two moments were read', () => {
    const record = agreed('D');
    const readings = { left: present('E', 11), right: present('F', 21) };
    expect(agreementOf('k', record, readings, { left: true, right: true })).toBe(record);
  });
});
