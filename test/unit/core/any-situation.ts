import fc from 'fast-check';
import type { ArchiveRecord } from '../../../src/core/archive-record.js';
import type { Reading } from '../../../src/core/observation.js';
import type { Pair, Side } from '../../../src/core/pair.js';
import { pairOf } from '../../../src/core/pair.js';
import type { Policy } from '../../../src/core/policy.js';
import type { Situation } from '../../../src/core/situation.js';
import { digestOf, POLICY, present } from './situations.js';

/**
 * Situations as two stores and an archive can really come to show them: small numbers, so that everything collides with
 * everything, but a version has one content, which is what the archive says where it names that version.
 */

const VERSIONS = [1, 2, 3, 4];
const values = fc.constantFrom('', 'a', 'b');
const sides = fc.constantFrom<Side>('left', 'right');
const numbers = fc.constantFrom(...VERSIONS);

/** One side's past: the value that each of its versions has, and the version that had created it. */
const pasts = fc.record({
  values: fc.tuple(values, values, values, values),
  created: fc.tuple(...VERSIONS.map((at) => fc.integer({ min: 1, max: at }))),
});
type Past = typeof pasts extends fc.Arbitrary<infer T> ? T : never;

const records = fc.oneof(
  fc.constant(undefined),
  fc.record({ kind: fc.constant('structure' as const), side: sides, at: numbers, daemons: fc.boolean() }),
  fc.record({
    kind: fc.constant('entry' as const),
    value: values,
    left: numbers,
    right: numbers,
    copy: fc.option(sides, { nil: undefined }),
    session: fc.option(sides, { nil: undefined, freq: 3 }),
    mirrorRewrites: fc.constantFrom(0, 1, 7, 8),
  }),
);
type RecordDraft = typeof records extends fc.Arbitrary<infer T> ? T : never;

const shown = fc.oneof(
  { weight: 2, arbitrary: fc.constant('absent' as const) },
  { weight: 1, arbitrary: fc.constant('unknown' as const) },
  {
    weight: 6,
    arbitrary: fc.record({
      at: numbers,
      children: fc.constantFrom(0, 0, 1),
      session: fc.option(fc.constant('session'), { nil: undefined, freq: 4 }),
    }),
  },
);
type ShownDraft = typeof shown extends fc.Arbitrary<infer T> ? T : never;

const intervals = fc
  .tuple(fc.constantFrom(-Infinity, 0, 1, 2), fc.constantFrom(0, 1, 2))
  .map(([earliestMs, length]) => ({ earliestMs, latestMs: Math.max(earliestMs, 0) + length }));

export const anySituation: fc.Arbitrary<Situation> = fc
  .record({
    key: fc.constantFrom('k', 'k', 'k', 'k/', ''),
    pasts: fc.record({ left: pasts, right: pasts }),
    record: records,
    shown: fc.record({ left: shown, right: shown }),
    ours: fc.record({ left: fc.boolean(), right: fc.boolean() }),
    written: fc.record({ left: intervals, right: intervals }),
    drifted: fc.boolean(),
  })
  .map(({ key, written, drifted, ...drafts }) => {
    const past = pairOf((side) => agreeWith(drafts.record, drafts.pasts[side], side));
    const readings = pairOf((side) => readingOf(drafts.shown[side], past[side]));
    return {
      key,
      record: recordOf(drafts.record, past),
      readings,
      // What a session owns is no write of the daemon.
      ours: pairOf((side) => drafts.ours[side] && isOrdinary(readings[side])),
      written,
      drifted,
    };
  });

export const anyPolicy: fc.Arbitrary<Policy> = fc.record({
  source: fc.option(sides, { nil: undefined, freq: 2 }),
  conflict: fc.constantFrom<Policy['conflict']>('last-writer-wins', 'left-wins', 'right-wins', 'hold'),
  tieBreak: sides,
  initial: fc.constantFrom<Policy['initial']>('merge', 'left', 'right'),
  sessionBound: fc.constantFrom<Policy['sessionBound']>('mirror', 'skip'),
  restricted: fc.constantFrom('mirror' as const, 'skip' as const),
  drift: fc.constantFrom<Policy['drift']>('report', 'revert'),
});

/** A mapping in both directions, however it decides conflicts. */
export const anyTwoWayPolicy: fc.Arbitrary<Policy> = anyPolicy.map((policy) => ({
  ...policy,
  source: POLICY.source,
}));

function agreeWith(record: RecordDraft, past: Past, side: Side): Past {
  if (record === undefined || (record.kind === 'structure' && record.side !== side)) return past;
  const at = record.kind === 'entry' ? record[side] : record.at;
  const value = record.kind === 'entry' ? record.value : '';
  return { ...past, values: past.values.with(at - 1, value) as Past['values'] };
}

function recordOf(draft: RecordDraft, past: Pair<Past>): ArchiveRecord | undefined {
  if (draft === undefined) return undefined;
  if (draft.kind === 'structure') {
    const { side, at, daemons } = draft;
    return {
      kind: 'structure',
      side,
      version: versionAt(past[side], at),
      owner: daemons ? 'daemon' : 'client',
    };
  }
  const { value, copy, session, mirrorRewrites } = draft;
  const versions = pairOf((side) => versionAt(past[side], draft[side]));
  const digest = digestOf(value);
  return {
    kind: 'entry',
    digest,
    empty: value === '',
    versions,
    copy,
    session,
    mirrorRewrites,
    oscillation: undefined,
  };
}

function readingOf(draft: ShownDraft, past: Past): Reading {
  if (draft === 'absent') return { kind: 'absent' };
  if (draft === 'unknown') return { kind: 'unknown', reason: 'unreachable' };
  const { at, session } = draft;
  const children = session === undefined ? draft.children : 0;
  return present(past.values[at - 1] ?? '', at, { version: versionAt(past, at), children, session });
}

function versionAt(past: Past, at: number) {
  return { modified: BigInt(at), created: BigInt(past.created[at - 1] ?? 1), revision: 0 };
}

function isOrdinary(reading: Reading): boolean {
  return reading.kind !== 'present' || reading.session === undefined;
}
