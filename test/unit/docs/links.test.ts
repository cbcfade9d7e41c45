import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { anchorsIn, exists, filesEndingIn, linksIn, textOf } from './markdown.js';

const PAGES = filesEndingIn('.md');

/** What is wrong with a link on a page, or undefined. */
function faultOf(link: string, page: string): string | undefined {
  if (/^(https?|mailto):/.test(link)) return undefined;
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? page : normalize(join(dirname(page), path));
  if (target.startsWith('..') || link.startsWith('/')) return `${page}: ${link} leaves the project`;
  if (!exists(target)) return `${page}: ${link} does not exist`;
  if (anchor === undefined || !target.endsWith('.md')) return undefined;
  return anchorsIn(textOf(target)).includes(anchor) ? undefined : `${page}: ${link} is no heading there`;
}

describe('the documents', () => {
  it('link to files and headings that exist', () => {
    const faults = PAGES.flatMap((page) => linksIn(textOf(page)).map((link) => faultOf(link, page)));
    expect(faults.length).toBeGreaterThan(100);
    expect(faults.filter((fault) => fault !== undefined)).toEqual([]);
  });

  it('can all be reached from the README', () => {
    const reached = new Set<string>();
    const visit = (page: string): void => {
      if (reached.has(page) || !page.endsWith('.md')) return;
      reached.add(page);
      for (const link of linksIn(textOf(page))) {
        const target = normalize(join(dirname(page), link.split('#')[0] ?? ''));
        if (!/^https?:/.test(link) && exists(target)) visit(target);
      }
    };
    visit('README.md');
    expect(PAGES.filter((page) => !reached.has(page))).toEqual([]);
  });

  it('would be caught if they did not', () => {
    expect(faultOf('docs/nowhere.md', 'README.md')).toContain('does not exist');
    expect(faultOf('semantics.md#s10', 'docs/operations.md')).toContain('is no heading');
    expect(faultOf('../../outside.md', 'docs/operations.md')).toContain('leaves the project');
  });
});
