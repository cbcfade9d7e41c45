import { dirname, join, normalize } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { AGREED, NEVER_AGREED } from '../../../src/core/decision-table.js';
import { exists, filesEndingIn, linksIn, sectionOf, tableIn, textOf } from './markdown.js';

const SEMANTICS = textOf('docs/semantics.md');
const OPERATIONS = textOf('docs/operations.md');
const README = textOf('README.md');
const NUMBERS = ['S1', 'S2', 'S3', 'S4', 'S5', 'S6', 'S7', 'S8', 'S9', 'L1', 'L2', 'L3'];

/** The members of a union of string literals, as its source has them. */
function membersOf(file: string, type: string): string[] {
  const source = new RegExp(`type ${type} =([^;]+);`).exec(textOf(file))?.[1] ?? '';
  return [...source.matchAll(/'([^']+)'/g)].map((literal) => literal[1] ?? '');
}

/** The table below a comment `<!-- table: NAME -->`, by the names of rows and columns. */
function stateTable(name: string): Record<string, Record<string, string>> {
  const section = SEMANTICS.slice(SEMANTICS.indexOf(`<!-- table: ${name} -->`));
  const columns =
    /^\|(.*)\|$/m
      .exec(section)?.[1]
      ?.split('|')
      .map((cell) => cell.trim()) ?? [];
  const rows = tableIn(section).map(([row = '', ...cells]) => {
    const verdicts = cells.map((cell, at) => [columns[at + 1] ?? '', cell] as const);
    return [row.replaceAll('*', ''), Object.fromEntries(verdicts)] as const;
  });
  return Object.fromEntries(rows);
}

describe('docs/semantics.md', () => {
  describe.each(NUMBERS)('%s', (number) => {
    const heading = new RegExp(`^### ${number}: .+$`, 'm').exec(SEMANTICS)?.[0];

    it('has a section, and a line in the README that links to it', () => {
      expect(heading).toBeDefined();
      expect(README).toMatch(new RegExp(`^\\| \\[${number}\\]\\(docs/semantics\\.md#`, 'm'));
    });

    it('is proven by tests that name it', () => {
      const links = linksIn(sectionOf(SEMANTICS, heading ?? ''));
      const tests = links
        .map((link) => normalize(join('docs', link)))
        .filter((path) => path.startsWith('test/'));
      expect(tests).not.toEqual([]);
      const names = new RegExp(`\\b${number}\\b`);
      expect(tests.filter((path) => !exists(path) || !names.test(textOf(path)))).toEqual([]);
    });
  });

  it('knows every number that tests name', () => {
    const named = filesEndingIn('.ts', 'test').flatMap((path) => {
      const titles = textOf(path).matchAll(/\b(?:it|describe|test)(?:\.each\([^\n]*\))?\(\s*(['"`])(.*?)\1/g);
      return [...titles].flatMap((title) => title[2]?.match(/\b[SL]\d+\b/g) ?? []);
    });
    expect(named).not.toEqual([]);
    expect([...new Set(named)].filter((number) => !NUMBERS.includes(number))).toEqual([]);
  });

  it('shows the decision table of the code', () => {
    expect(stateTable('AGREED')).toEqual(AGREED);
    const never = stateTable('NEVER_AGREED');
    for (const [left, row] of Object.entries(NEVER_AGREED)) {
      for (const [right, verdict] of Object.entries(row)) {
        expect({ left, right, verdict: never[left]?.[right] ?? 'wait' }).toEqual({ left, right, verdict });
      }
    }
  });
});

describe('every reason for a hold', () => {
  const ofMappings = membersOf('src/core/mapping-state.ts', 'MappingHoldReason');
  const ofEntries = membersOf('src/ports/archive.ts', 'EntryHoldReason');

  /** The reasons in the first cells of a table. */
  function listedIn(section: string): string[] {
    return tableIn(section).flatMap(([first = '']) => first.match(/[a-z]+-?[a-z]+/g) ?? []);
  }

  test.each([
    ['docs/semantics.md', sectionOf(SEMANTICS, '## Holds')],
    ['README.md', sectionOf(README, '## When it holds')],
  ])('is in %s, and no other', (_page, section) => {
    expect(listedIn(section).sort()).toEqual([...ofMappings, ...ofEntries].sort());
  });

  it('has its paragraph or line in the runbook', () => {
    const holds = sectionOf(OPERATIONS, '## Holds');
    const paragraphs = [...holds.matchAll(/^### (\S+)$/gm)].map((heading) => heading[1]);
    expect(paragraphs.sort()).toEqual(ofMappings.sort());
    expect(listedIn(sectionOf(OPERATIONS, '### Holds of entries')).sort()).toEqual(ofEntries.sort());
  });
});

describe('every reason for leaving an entry out', () => {
  it('is in the runbook, and no other', () => {
    const listed = tableIn(sectionOf(OPERATIONS, '## Entries that are left out')).map(([first]) => first);
    const reasons = membersOf('src/ports/replica.ts', 'SkipReason');
    expect(listed.sort()).toEqual(reasons.map((reason) => `\`${reason}\``).sort());
  });
});

describe('the limits in the documents', () => {
  it('are those of the code', () => {
    const limits = sectionOf(SEMANTICS, '## Keys, values and limits');
    const numberIn = (file: string, name: string): string | undefined =>
      new RegExp(`const ${name} = ([^;]+);`).exec(textOf(file))?.[1];
    expect(numberIn('src/consul/consul-replica.ts', 'VALUE_BYTES_MAX')).toBe('512 * 1024');
    expect(limits).toContain('512 KiB');
    expect(numberIn('src/archive/entry-key-bytes.ts', 'archiveKeyBytesMax')).toBe('2_000');
    expect(limits).toContain('2,000 bytes');
    expect(numberIn('src/zookeeper/write-limits.ts', 'PACKET_RESERVE_BYTES')).toBe('48 * 1024');
    expect(limits).toContain('48 KiB');
    expect(numberIn('src/zookeeper/write-limits.ts', 'KEY_BYTES_MAX')).toBe('16 * 1024');
    expect(limits).toContain('16 KiB');
  });
});

describe('the folder of a linked test', () => {
  it('is one of the tests', () => {
    const links = linksIn(SEMANTICS).map((link) => normalize(join('docs', link)));
    const folders = new Set(links.filter((path) => path.endsWith('.test.ts')).map((path) => dirname(path)));
    expect([...folders].filter((folder) => !/^test\/(unit|servers)\//.test(folder))).toEqual([]);
  });
});
