import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Ledger, LedgerVerdict, ObservedLedger } from '../../../src/core/ledger.js';
import {
  decodeLedger,
  encodeLedger,
  judgeLedgers,
  LEDGER_RECENT_MAX,
  mirrorOf,
  nextLedger,
  placesOverlap,
  withUnrecorded,
  withWrite,
  ledgerToReplace,
  wroteVersion,
} from '../../../src/core/ledger.js';
import type { LedgerMirror, MappingState } from '../../../src/core/mapping-state.js';
import type { Side } from '../../../src/core/pair.js';
import { pairOf, SIDES, withSide } from '../../../src/core/pair.js';
import { version } from './situations.js';

const PLACES = { left: '/config/', right: 'config/' };

function ledger(parts: Partial<Ledger> = {}): Ledger {
  return {
    pairId: 'ours',
    generation: 5,
    writer: 'w1',
    places: PLACES,
    recent: [7n, 8n],
    paused: false,
    copied: '',
    ...parts,
  };
}

function observed(parts: Partial<Ledger> = {}, at = 10): ObservedLedger {
  return { ledger: ledger(parts), version: version(at) };
}

function mirror(parts: Partial<LedgerMirror> = {}): LedgerMirror {
  return {
    version: version(10),
    generation: 5,
    recent: [7n, 8n],
    writer: 'w1',
    paused: false,
    copied: '',
    ...parts,
  };
}

type Found = ObservedLedger | 'foreign' | 'unused' | undefined;
type State = Pick<MappingState, 'pairId' | 'phase' | 'ledgers'>;

function state(phase: State['phase'], one: LedgerMirror | undefined): State {
  return { pairId: 'ours', phase, ledgers: { left: one, right: one } };
}

/** Judges what was found at one side while all is well at the other; both ways round. */
function judge(archive: State | undefined, found: Found): LedgerVerdict {
  const [left, right] = SIDES.map((side) =>
    judgeLedgers(
      archive,
      withSide(
        pairOf(() => well(archive)),
        side,
        found,
      ),
    ),
  );
  expect(reasonOf(left)).toBe(reasonOf(right));
  return left ?? { kind: 'unpaired' };
}

function well(archive: State | undefined): Found {
  if (archive?.ledgers.left === undefined) return undefined;
  const { generation, version: at } = archive.ledgers.left;
  return { ledger: ledger({ generation }), version: at };
}

function reasonOf(verdict: LedgerVerdict | undefined): string | undefined {
  return verdict?.kind === 'hold' ? verdict.hold.reason : verdict?.kind;
}

describe('judgeLedgers without an archive', () => {
  const cases: ReadonlyArray<readonly [left: Found, right: Found, verdict: string]> = [
    [undefined, undefined, 'unpaired'],
    ['unused', undefined, 'unpaired'],
    [undefined, 'unused', 'unpaired'],
    ['unused', 'unused', 'unpaired'],
    [observed(), undefined, 'archive-lost'],
    [undefined, observed(), 'archive-lost'],
    [observed(), observed(), 'archive-lost'],
    [observed({ pairId: 'another' }), undefined, 'archive-lost'],
    ['foreign', undefined, 'archive-lost'],
    [undefined, 'foreign', 'archive-lost'],
    ['foreign', 'foreign', 'archive-lost'],
    ['foreign', observed(), 'archive-lost'],
    ['unused', observed(), 'archive-lost'],
    [observed(), 'unused', 'archive-lost'],
    ['unused', 'foreign', 'archive-lost'],
  ];

  it.each(cases)('%o at the left and %o at the right', (left, right, verdict) => {
    expect(reasonOf(judgeLedgers(undefined, { left, right }))).toBe(verdict);
  });

  it('names the side, and the places that the ledger was for', () => {
    const verdict = judgeLedgers(undefined, { left: undefined, right: observed() });
    expect(verdict).toMatchObject({ kind: 'hold', hold: { side: 'right' } });
    expect(verdict.kind === 'hold' && verdict.hold.detail).toContain('/config/ and config/');
  });
});

describe('judgeLedgers of a pair', () => {
  const paired = state('paired', mirror());

  it.each<[what: string, found: Found, verdict: string]>([
    ['the same as known: whole', observed(), 'whole'],
    [
      'moved on by a write whose reply was lost, or a successor: whole',
      observed({ generation: 6 }, 12),
      'whole',
    ],
    ['S4: missing: the store was wiped, replaced or mispointed', undefined, 'identity-changed'],
    ['S4: not to be read', 'foreign', 'identity-changed'],
    ['S4: of another pair', observed({ pairId: 'another' }), 'identity-changed'],
    ['S4: of another pair, and older', observed({ pairId: 'another', generation: 1 }, 1), 'identity-changed'],
    ['S6: of an earlier generation', observed({ generation: 4 }, 9), 'rolled-back'],
    [
      'S6: of an earlier generation, counted above what was known',
      observed({ generation: 4 }, 12),
      'rolled-back',
    ],
    ['S6: at an earlier version, whatever its generation', observed({ generation: 6 }, 9), 'rolled-back'],
    ['S6: of the known generation, but another write of it', observed({ generation: 5 }, 12), 'rolled-back'],
    ['not used, since the daemon may not write there: whole', 'unused', 'whole'],
  ])('%s', (_, found, verdict) => {
    expect(reasonOf(judge(paired, found))).toBe(verdict);
  });

  it('names the side that gives rise to a hold, the left one where both do', () => {
    const oneSide = judgeLedgers(paired, { left: observed(), right: undefined });
    expect(oneSide).toMatchObject({ hold: { side: 'right' } });
    expect(judgeLedgers(paired, { left: 'foreign', right: undefined })).toMatchObject({
      hold: { side: 'left' },
    });
  });

  it('S7: learns what was written from a ledger that has moved on', () => {
    const moved = observed({ generation: 6, recent: [8n, 10n, 11n] }, 12);
    expect(judgeLedgers(paired, { left: moved, right: observed() })).toEqual({
      kind: 'whole',
      mirrors: {
        left: mirror({ version: version(12), generation: 6, recent: [8n, 10n, 11n] }),
        right: mirror(),
      },
    });
  });

  it('S7: keeps in mind what was written without the ledger since', () => {
    const known = withWrite(mirror(), 11n);
    const archive = { ...paired, ledgers: { left: known, right: mirror() } };
    expect(judgeLedgers(archive, { left: observed(), right: observed() })).toEqual({
      kind: 'whole',
      mirrors: { left: known, right: mirror() },
    });
  });

  it('keeps what it knows of a side that is not used', () => {
    expect(judgeLedgers(paired, { left: 'unused', right: observed() })).toEqual({
      kind: 'whole',
      mirrors: { left: mirror(), right: mirror() },
    });
  });

  it('is whole where a side never had a ledger, because it was only read so far', () => {
    const oneWay = { ...paired, ledgers: { left: undefined, right: mirror() } };
    expect(judgeLedgers(oneWay, { left: undefined, right: observed() })).toEqual({
      kind: 'whole',
      mirrors: { left: undefined, right: mirror() },
    });
  });
});

describe('judgeLedgers of a pair that is still being made', () => {
  it.each<[what: string, known: LedgerMirror | undefined, found: Found, verdict: string]>([
    ['nothing there yet: go on', undefined, undefined, 'whole'],
    ['S7: there, though its reply was lost: go on', undefined, observed({ generation: 1 }), 'whole'],
    ["another pair's was there first", undefined, observed({ pairId: 'another' }), 'identity-changed'],
    ['something is there that is no ledger', undefined, 'foreign', 'identity-changed'],
    ['written, and there', mirror({ generation: 1 }), observed({ generation: 1 }), 'whole'],
    ['S4: written, and gone', mirror({ generation: 1 }), undefined, 'identity-changed'],
    [
      "an earlier pair's, which an operator let this one replace, is still there",
      mirror({ generation: 0 }),
      observed({ pairId: 'earlier', generation: 9 }),
      'whole',
    ],
    [
      "an earlier pair's, which an operator let this one replace, was written again since",
      mirror({ generation: 0 }),
      observed({ pairId: 'earlier', generation: 10 }, 12),
      'identity-changed',
    ],
    ["an earlier pair's is gone by itself", mirror({ generation: 0 }), undefined, 'whole'],
    ['not used', undefined, 'unused', 'whole'],
  ])('%s', (_, known, found, verdict) => {
    const pairing = { pairId: 'ours', phase: 'pairing', ledgers: { left: known, right: undefined } } as const;
    expect(reasonOf(judgeLedgers(pairing, { left: found, right: undefined }))).toBe(verdict);
  });

  it('forgets a ledger that was to be replaced and is gone, so that the next write creates one', () => {
    const pairing = state('pairing', mirror({ generation: 0 }));
    expect(judgeLedgers(pairing, { left: undefined, right: undefined })).toEqual({
      kind: 'whole',
      mirrors: { left: undefined, right: undefined },
    });
  });
});

describe('the content of a ledger', () => {
  it('comes back as it was written, with versions above 2^53', () => {
    const one = ledger({ recent: [2n ** 63n, 5n] });
    expect(decodeLedger(encodeLedger(one))).toEqual(one);
  });

  it.each([
    ['no JSON', 'ledger'],
    ['no object', '5'],
    ['null', 'null'],
    ['another format', JSON.stringify({ ...JSON.parse(encodeLedger(ledger())), format: 2 })],
    ['no pair', encodeLedger(ledger()).replace('"pairId"', '"pair"')],
    [
      'a generation that is no whole number',
      encodeLedger(ledger()).replace('"generation":5', '"generation":5.5'),
    ],
    ['one place only', encodeLedger(ledger()).replace('"/config/",', '')],
    ['a recent version that is no number', encodeLedger(ledger()).replace('"7"', '"x"')],
    [
      'a recent version that lost its quotes, and so perhaps its last bits',
      encodeLedger(ledger()).replace('"7"', '7'),
    ],
  ])("is somebody else's where it is %s", (_, content) => {
    expect(decodeLedger(content)).toBeUndefined();
  });

  it("is somebody else's, and no error, whatever it is", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (content) => decodeLedger(content) === undefined),
    );
  });
});

describe('what a ledger proves', () => {
  const identity = { pairId: 'ours', writer: 'w1', places: PLACES, paused: false };

  it('S2: its own version, and those that it lists, are writes of the daemon; no others are', () => {
    const known = mirrorOf(observed());
    for (const written of [10n, 8n, 7n]) expect(wroteVersion(known, written)).toBe(true);
    for (const other of [9n, 11n, 0n]) expect(wroteVersion(known, other)).toBe(false);
    expect(wroteVersion(undefined, 10n)).toBe(false);
    // What was written under the ledger of an earlier pair proves nothing to the pair that replaces it.
    const earlier = { modified: 10n, created: 1n, revision: 0 };
    expect(wroteVersion(ledgerToReplace(earlier), 10n)).toBe(false);
  });

  it('S2: the next ledger lists the write before, so that nothing falls out between the two', () => {
    expect(nextLedger(identity, mirror())).toEqual(ledger({ generation: 6, recent: [7n, 8n, 10n] }));
    expect(nextLedger(identity, undefined)).toEqual(ledger({ generation: 1, recent: [] }));
  });

  it('S2: a write without the ledger is listed by the next one', () => {
    expect(new Set(nextLedger(identity, withWrite(mirror(), 12n)).recent)).toEqual(
      new Set([7n, 8n, 10n, 12n]),
    );
  });

  it('S9: lists no more than the newest writes', () => {
    let known = mirror({ recent: [] });
    for (let at = 11; at < 11 + 2 * LEDGER_RECENT_MAX; at++) {
      const next = nextLedger(identity, known);
      known = mirrorOf({ ledger: next, version: version(at) });
    }
    expect(known.recent).toHaveLength(LEDGER_RECENT_MAX);
    expect(known.recent.at(-1)).toBe(known.version.modified - 1n);
  });

  it('S7: what it tells of beyond what was known of it was not recorded', () => {
    const found = mirror({ version: version(14), recent: [7n, 8n, 10n, 12n] });
    expect(withUnrecorded([], mirror(), found)).toEqual([12n, 14n]);
    expect(withUnrecorded([3n, 12n], mirror(), found)).toEqual([3n, 12n, 14n]);
    expect(withUnrecorded([3n], mirror(), mirror())).toEqual([3n]);
    expect(withUnrecorded([3n], mirror(), undefined)).toEqual([3n]);
    expect(withUnrecorded([], undefined, ledgerToReplace(version(14)))).toEqual([]);
  });

  it('S9: of the writes that were not recorded, the newest are remembered', () => {
    let unrecorded: readonly bigint[] = [];
    for (let at = 1; at <= 2_000; at++) {
      unrecorded = withUnrecorded(unrecorded, undefined, mirror({ version: version(at), recent: [] }));
    }
    expect(unrecorded).toHaveLength(1_024);
    expect(unrecorded.at(-1)).toBe(2_000n);
  });
});

describe('placesOverlap', () => {
  const cases: ReadonlyArray<readonly [a: string, b: string, overlap: boolean, side: Side]> = [
    ['config/', 'config/', true, 'right'],
    ['config/', 'config/a/', true, 'right'],
    ['config/', 'configuration/', false, 'right'],
    ['', 'config/', true, 'right'],
    ['/', '/config/', true, 'left'],
    ['/config/', '/services/', false, 'left'],
  ];

  it.each(cases)('%s and %s: %s', (a, b, overlap) => {
    expect(placesOverlap(a, b)).toBe(overlap);
    expect(placesOverlap(b, a)).toBe(overlap);
  });
});
