import { copyFile, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openArchive } from '../../../src/archive/open-archive.js';
import { entryRecord, mappingState, newConflict } from '../../kit/archive-samples.js';
import { digestOf } from './archive-digest.js';
import { ArchiveProcess } from './archive-processes.js';
import type { Damage } from './damages.js';
import { temporaryDirectory } from './temporary-directory.js';
import type { TemporaryDirectory } from './temporary-directory.js';

const PLACES = { left: '/config', right: 'config/' };
const JOURNAL = { keepMs: Infinity, maxBytes: 100_000_000 };
const PAGE = 8_192;
const SLOW_TEST_MS = 120_000;

interface Outcome {
  readonly damage: Damage;
  readonly digest?: string;
  readonly code?: string;
  readonly message?: string;
}

describe('a damaged data file', () => {
  let directory: TemporaryDirectory;
  let dataFile: string;
  let original: string;
  let digest: string;
  let size: number;

  beforeAll(async () => {
    directory = await temporaryDirectory();
    const path = join(directory.path, 'archive');
    dataFile = join(path, 'data', 'data.mdb');
    original = join(directory.path, 'original');
    const archive = await openArchive({ path, journal: JOURNAL });
    await fillSome(archive.mapping(PLACES));
    digest = digestOf(archive, [PLACES]);
    await archive.close();
    await copyFile(dataFile, original);
    ({ size } = await stat(dataFile));
  });
  afterAll(() => directory.remove());

  /** Opens a copy of the archive with each of the damages, in one process, which has to live through all of them. */
  async function outcomesOf(damages: readonly Damage[]): Promise<Outcome[]> {
    const list = join(directory.path, 'damages');
    await writeFile(list, JSON.stringify(damages));
    const child = new ArchiveProcess(['damaged', join(directory.path, 'archive'), dataFile, original, list]);
    const exit = await child.exit;
    const printed = child.printed().map((line) => JSON.parse(line) as Record<string, string>);
    const answers = printed.filter((line) => line['about'] === undefined);
    const context = `${JSON.stringify(damages[answers.length])} ${exit.stderr}`;
    expect(exit, context).toMatchObject({ code: 0, signal: null });
    return answers.map((answer, i) => ({ damage: damages[i] ?? { kind: 'truncated', bytes: 0 }, ...answer }));
  }

  it(
    'S7: is refused when it is cut off anywhere, and the process lives',
    async () => {
      const ends = [0, 1, 100, PAGE - 1, PAGE, 2 * PAGE - 1, 2 * PAGE, 2 * PAGE + 1, size - PAGE, size - 1];
      for (let end = 3 * PAGE; end < size; end += 7 * PAGE) ends.push(end, end + 3_000);
      const outcomes = await outcomesOf(ends.map((bytes) => ({ kind: 'truncated', bytes })));
      for (const { damage, code } of outcomes) expect(code, JSON.stringify(damage)).toBe('ARCHIVE_DAMAGED');
      expect(outcomes[0]?.message).toMatch(/data\.mdb is damaged: it is cut off.*left as it is.*backup/s);
    },
    SLOW_TEST_MS,
  );

  it(
    'S7: is refused when a page was zeroed, or is left out of use',
    async () => {
      const all = Array.from({ length: size / PAGE }, (_, i) => i * PAGE);
      const pages = all.filter((_, i) => i < 2 || i % 3 === 0);
      const outcomes = await outcomesOf(pages.map((at) => ({ kind: 'zeroed', at, bytes: PAGE })));
      for (const outcome of outcomes) expectRefusedOrHarmless(outcome);
      const [first, second] = outcomes;
      expect([first?.code, second?.code]).toEqual(['ARCHIVE_DAMAGED', 'ARCHIVE_DAMAGED']);
      expect(outcomes.filter(({ code }) => code !== undefined).length).toBeGreaterThan(pages.length / 3);
    },
    SLOW_TEST_MS,
  );

  it(
    'S7: never gives back anything else than what was written, whatever happened to it',
    async () => {
      const at = fc.oneof(
        fc.nat(size - 1),
        fc.nat(2 * PAGE),
        fc.nat(size / PAGE - 1).map((page) => page * PAGE + (page % 40)),
      );
      const page = fc.nat(size / PAGE - 1).map((number) => number * PAGE);
      const damage: fc.Arbitrary<Damage> = fc.oneof(
        { weight: 5, arbitrary: fc.record({ kind: fc.constant('flipped' as const), at, bit: fc.nat(7) }) },
        fc.record({
          kind: fc.constant('garbage' as const),
          at,
          bytes: fc.integer({ min: 1, max: 2 * PAGE }),
          seed: fc.nat(),
        }),
        fc.record({ kind: fc.constant('copied' as const), from: page, to: page, bytes: fc.constant(PAGE) }),
      );
      const outcomes = await outcomesOf(fc.sample(damage, 250));
      for (const outcome of outcomes) expectRefusedOrHarmless(outcome);
    },
    SLOW_TEST_MS,
  );

  it(
    'is left as it is when it is refused',
    async () => {
      await outcomesOf([{ kind: 'zeroed', at: 0, bytes: 2 * PAGE }]);
      const left = await readFile(dataFile);
      expect(left.subarray(0, 2 * PAGE).every((byte) => byte === 0)).toBe(true);
      expect(left.subarray(2 * PAGE).equals((await readFile(original)).subarray(2 * PAGE))).toBe(true);
    },
    SLOW_TEST_MS,
  );

  function expectRefusedOrHarmless(outcome: Outcome): void {
    if (outcome.code === undefined) expect(outcome.digest, JSON.stringify(outcome.damage)).toBe(digest);
    else expect(outcome.code, JSON.stringify(outcome)).toBe('ARCHIVE_DAMAGED');
  }
});

/** Enough for trees of several levels, pages that are free again, and values of all sizes. */
async function fillSome(
  mapping: ReturnType<Awaited<ReturnType<typeof openArchive>>['mapping']>,
): Promise<void> {
  const keys = Array.from({ length: 3_000 }, (_, i) => `service/${i % 50}/instance-${i}`);
  await mapping.commit({
    records: new Map(keys.map((key, i) => [key, entryRecord(i)])),
    state: mappingState(),
  });
  for (let round = 1; round <= 5; round++) {
    const some = keys.filter((_, i) => i % 5 !== 0 || i % 7 === round);
    await mapping.commit({
      records: new Map(some.map((key, i) => [key, i % 3 === round % 3 ? undefined : entryRecord(i * round)])),
      marks: new Map(
        some
          .slice(0, 100)
          .map((key) => [key, { kind: 'skip', reason: 'denied', detail: 'x'.repeat(round), sinceMs: 1 }]),
      ),
      conflicts: [
        newConflict(round),
        newConflict(round, { open: true }, 20_000),
        newConflict(round, {}, 300_000),
      ],
      dropSettledBeforeMs: round - 1,
    });
  }
}
