import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** A file of the project, by its path from the root. */
export function textOf(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

export function exists(path: string): boolean {
  return existsSync(join(ROOT, path));
}

const NOT_OURS = new Set(['.git', ...ignoredFolders()]);

/** The paths of all of the project's files that end like this. */
export function filesEndingIn(ending: string, folder = ''): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (NOT_OURS.has(entry.name)) return [];
    if (entry.isDirectory()) return filesEndingIn(ending, path);
    return entry.name.endsWith(ending) ? [path] : [];
  });
}

/** The part below a heading, up to the next one of the same or a higher level. */
export function sectionOf(markdown: string, heading: string): string {
  const level = /^#+/.exec(heading)?.[0].length ?? 0;
  const start = markdown.indexOf(`\n${heading}\n`);
  if (start < 0) throw new Error(`there is no heading ${heading}`);
  const body = markdown.slice(start + heading.length + 2);
  const end = body.search(new RegExp(`^#{1,${String(level)}} `, 'm'));
  return end < 0 ? body : body.slice(0, end);
}

/** What its links point to. What looks like a link in a piece of code is none. */
export function linksIn(markdown: string): string[] {
  const links = withoutCode(markdown).matchAll(/\]\(([^()\s]+)\)/g);
  return [...links].map((link) => link[1] ?? '');
}

/** The fragments by which its headings can be linked to, as GitHub makes them. */
export function anchorsIn(markdown: string): string[] {
  const headings = withoutFences(markdown).matchAll(/^#+ +(.+?) *$/gm);
  const seen = new Map<string, number>();
  return [...headings].map((heading) => {
    const text = (heading[1] ?? '').replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1');
    const slug = text
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-');
    const count = seen.get(slug) ?? 0;
    seen.set(slug, count + 1);
    return count === 0 ? slug : `${slug}-${String(count)}`;
  });
}

/** The cells of the table that comes first, header and ruler left out. */
export function tableIn(markdown: string): string[][] {
  const rows = /(?:^\|.*\|\n)+/m.exec(markdown)?.[0].trimEnd().split('\n').slice(2) ?? [];
  return rows.map((row) => {
    const cells = row.slice(1, -1).split(/(?<!\\)\|/);
    return cells.map((cell) => cell.trim());
  });
}

/** The contents of fenced code of this language. */
export function codeIn(markdown: string, language: string): string[] {
  const blocks = markdown.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'gms'));
  return [...blocks].map((block) => block[1] ?? '');
}

function withoutFences(markdown: string): string {
  return markdown.replaceAll(/^( *)```.*?^\1```$/gms, '');
}

function withoutCode(markdown: string): string {
  return withoutFences(markdown).replaceAll(/`[^`\n]*`/g, '');
}

function ignoredFolders(): string[] {
  const lines = readFileSync(join(ROOT, '.gitignore'), 'utf8').split('\n');
  return lines.filter((line) => line.endsWith('/')).map((line) => line.slice(0, -1));
}
