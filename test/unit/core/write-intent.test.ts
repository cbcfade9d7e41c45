import { describe, expect, it } from 'vitest';
import type { WriteIntent } from '../../../src/core/mapping-state.js';
import type { Reading } from '../../../src/core/observation.js';
import {
  announce,
  judgeSingle,
  settleDeletions,
  SINGLE_INTENTS_MAX,
} from '../../../src/core/write-intent.js';

type Single = WriteIntent & { readonly kind: 'single' };

function single(base: bigint | undefined, digest = 'sent'): Single {
  return { kind: 'single', side: 'right', key: 'k', digest, base };
}

function present(modified: bigint, digest: string): Reading {
  return {
    kind: 'present',
    version: { modified, created: 1n, revision: 0 },
    value: new Uint8Array(),
    digest,
    flags: 0n,
    children: 0,
    session: undefined,
    stamp: undefined,
  };
}

describe('a single value whose answer was lost (S7)', () => {
  it.each<[string, bigint | undefined, Reading, 'pending' | 'written' | 'failed']>([
    ['may still arrive on the version it replaces', 5n, present(5n, 'old'), 'pending'],
    ['may still arrive on a version of the same content', 5n, present(5n, 'sent'), 'pending'],
    ['has arrived where its content stands', 5n, present(6n, 'sent'), 'written'],
    ['can not arrive on another content', 5n, present(6n, 'other'), 'failed'],
    ['can not arrive where the entry is gone', 5n, { kind: 'absent' }, 'failed'],
    ['may still be created', undefined, { kind: 'absent' }, 'pending'],
    ['was created where its content stands', undefined, present(6n, 'sent'), 'written'],
    ['can not be created where another content stands', undefined, present(6n, 'other'), 'failed'],
    ['tells nothing of what is unknown', 5n, { kind: 'unknown', reason: 'unreachable' }, 'pending'],
  ])('%s', (_, base, reading, fate) => {
    expect(judgeSingle(single(base), reading)).toBe(fate);
  });

  it('is remembered with so many others and no more, the oldest given up first (S9)', () => {
    const deletions: WriteIntent = {
      kind: 'deletions',
      side: 'right',
      generation: 1,
      writer: 'me',
      keys: ['d'],
    };
    let intents: readonly WriteIntent[] = [deletions];
    for (let number = 0; number < SINGLE_INTENTS_MAX + 2; number++) {
      intents = announce(intents, [single(BigInt(number))]);
    }
    expect(intents).toHaveLength(SINGLE_INTENTS_MAX + 1);
    expect(intents[0]).toBe(deletions);
    expect(intents[1]).toEqual(single(2n));
  });
});

describe('announced deletions', () => {
  const intent: WriteIntent = {
    kind: 'deletions',
    side: 'right',
    generation: 5,
    writer: 'me',
    keys: ['a', 'b'],
  };
  const version = { modified: 9n, created: 1n, revision: 0 };
  const at = (generation: number, writer: string | undefined = 'me') => ({
    left: undefined,
    right: { version, generation, recent: [], writer, paused: false, copied: '' },
  });

  it.each([
    ['may still arrive while the ledger is below them', 4, { pending: [intent], removed: [] }],
    ['were applied where the ledger stands at their generation', 5, { pending: [], removed: ['a', 'b'] }],
    ['never will be once it is beyond', 6, { pending: [], removed: [] }],
  ])('%s', (_, generation, settled) => {
    expect(settleDeletions([intent], at(generation))).toEqual(settled);
  });

  it('were not applied where another daemon has brought the ledger to their generation', () => {
    expect(settleDeletions([intent], at(5, 'another'))).toEqual({ pending: [], removed: [] });
  });

  it('were applied where the ledger stands at their generation, and nobody noted who wrote it (format 1)', () => {
    const unsigned = { ...intent, writer: undefined };
    expect(settleDeletions([unsigned], at(5))).toEqual({ pending: [], removed: ['a', 'b'] });
  });
});
