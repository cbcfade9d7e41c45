import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareKeys } from '../../../src/core/key-order.js';
import type { PartView } from '../../../src/ports/replica.js';
import type { MappingContext } from '../../../src/sync/context.js';
import { MappingMemory } from '../../../src/sync/mapping-memory.js';
import { differing } from '../../../src/sync/sweep.js';
import { entryRecord, mappingState } from '../../kit/archive-samples.js';
import { speaksOf } from '../../kit/hinted.js';
import { MemoryArchiveDisk } from '../../kit/memory-archive.js';

const EVERYTHING = { scope: { includes: () => true } } as unknown as MappingContext;

/** Entries by their keys, with the number that their version is made from. */
type Entries = ReadonlyMap<string, number>;

async function archived(entries: Entries): Promise<MappingMemory> {
  const disk = new MemoryArchiveDisk({
    journal: { keepMs: Infinity, maxBytes: 2 ** 30 },
    sync: () => Promise.resolve(),
  });
  const archive = (await disk.open()).mapping({ left: '/config', right: 'config/' });
  const records = new Map([...entries].map(([key, number]) => [key, entryRecord(number)]));
  await archive.commit({ state: mappingState(), records });
  return new MappingMemory(archive);
}

function viewOf(entries: Entries, within: string, except: readonly string[]): PartView {
  const isThere = (key: string): boolean =>
    key.startsWith(within) && !except.some((part) => key.startsWith(part));
  return {
    within,
    except: [...except].sort(compareKeys),
    entries: [...entries]
      .filter(([key]) => isThere(key))
      .sort(([a], [b]) => compareKeys(a, b))
      .map(([key, number]) => ({ key, version: entryRecord(number).versions.right })),
  };
}

const differences = (memory: MappingMemory, view: PartView): string[] => [
  ...differing(EVERYTHING, memory, 'right', view),
];

const some = fc.uniqueArray(fc.tuple(fc.stringMatching(/^[abc]{1,4}$/), fc.integer({ min: 1, max: 3 })), {
  selector: ([key]) => key,
  maxLength: 40,
});
const parts = fc.tuple(
  fc.constantFrom('', 'a', 'ab', 'b'),
  fc.uniqueArray(fc.stringMatching(/^[abc]{1,3}$/), { maxLength: 3 }),
);

describe('a view of a part', () => {
  it('differs from the archive in what was created, changed and deleted there, and in nothing else (L3)', async () => {
    await fc.assert(
      fc.asyncProperty(some, some, parts, async (before, after, [within, prefixes]) => {
        const except = prefixes.filter(
          (part) =>
            part.startsWith(within) && !prefixes.some((other) => other !== part && part.startsWith(other)),
        );
        const [known, there] = [new Map(before), new Map(after)];
        const view = viewOf(there, within, except);
        const isOther = (key: string): boolean => speaksOf(view, key) && known.get(key) !== there.get(key);
        const wanted = [...new Set([...known.keys(), ...there.keys()])].filter(isOther).sort(compareKeys);
        expect(differences(await archived(known), view)).toEqual(wanted);
      }),
      { numRuns: 300 },
    );
  });

  it('tells of an entry whose version was not seen, as if it had changed', async () => {
    const memory = await archived(
      new Map([
        ['a', 1],
        ['b', 1],
      ]),
    );
    const view = { within: '', except: [], entries: [{ key: 'a', version: undefined }] };
    expect(differences(memory, view)).toEqual(['a', 'b']);
  });

  it('does not tell what lies in a part that was left out, however much that is', async () => {
    const many = Array.from({ length: 3_000 }, (_, number) => [`b/${number}`, 1] as const);
    const memory = await archived(new Map([['a', 1], ...many, ['c', 1]]));
    expect(differences(memory, { within: '', except: ['b/'], entries: [] })).toEqual(['a', 'c']);
  });
});
