import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { filesEndingIn, ROOT, sectionOf, tableIn, textOf } from './markdown.js';

describe('docs/architecture.md', () => {
  const rooms = tableIn(sectionOf(textOf('docs/architecture.md'), '## The rooms'));

  it('describes every folder of src, and no other', () => {
    const entries = readdirSync(join(ROOT, 'src'), { withFileTypes: true });
    const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => `\`src/${name}\``);
    expect(rooms.map(([folder]) => folder).sort()).toEqual(folders.sort());
  });

  it('says of each what it may import, and the sources keep to it', () => {
    for (const [folder = '', , allowed = ''] of rooms) {
      const room = folder.replaceAll('`', '').slice('src/'.length);
      const names = allowed === 'itself' ? [] : allowed.split(', ');
      const isFree = allowed.startsWith('all');
      const imported = filesEndingIn('.ts', join('src', room)).flatMap((file) =>
        [...textOf(file).matchAll(/from '(?:\.\.\/)+([a-z]+)\//g)].map((match) => match[1] ?? ''),
      );
      const others = new Set(imported.filter((name) => name !== room && !names.includes(name)));
      expect({ room, others: isFree ? [] : [...others] }).toEqual({ room, others: [] });
    }
  });
});

describe('the decision records', () => {
  const records = filesEndingIn('.md', 'docs/decisions').filter((path) => !path.endsWith('README.md'));

  it('are all listed, and say context, choice and consequence', () => {
    const list = textOf('docs/decisions/README.md');
    for (const path of records) {
      expect(list).toContain(path.slice('docs/decisions/'.length));
      const headings = [...textOf(path).matchAll(/^## (.+)$/gm)].map((heading) => heading[1]);
      expect(headings).toEqual(['Context', 'Choice', 'Consequence']);
    }
    expect(records).not.toEqual([]);
  });
});
