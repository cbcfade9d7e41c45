import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { aptSources } from '../../kit/setup/apt-sources.mjs';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');
const NOT_OURS = new Set(['.git', ...readIgnoredNames()]);

describe('the project names nothing of the machine it was written on', () => {
  it('neither the mirrors that apt uses here, nor the registry that npm uses here', () => {
    const hosts = [...aptSources().flatMap(({ uris }) => uris), npmRegistry()].flatMap(hostOf);
    expect(hosts).not.toHaveLength(0);
    expect(filesMatching(hosts.map(patternOfHost))).toEqual([]);
  });

  it('nor the folder of this checkout', () => {
    const isTelling = ROOT.split(sep).length > 2; // A folder like /app could be named for another reason.
    const pattern = new RegExp(`(?<![\\w.-])${escape(ROOT)}(?![\\w-])`);
    expect(isTelling ? filesMatching([pattern]) : []).toEqual([]);
  });

  it('and would be caught if it did', () => {
    expect(patternOfHost('mirror.test').test('see http://mirror.test/debian')).toBe(true);
    expect(patternOfHost('mirror.test').test('mirror.testing')).toBe(false);
    expect(patternOfHost('mirror').test('a mirror of the tree')).toBe(false);
    expect(patternOfHost('mirror').test('http://mirror/debian')).toBe(true);
  });
});

function filesMatching(patterns: readonly RegExp[]): string[] {
  return ownFiles().filter((file) => {
    const text = readFileSync(join(ROOT, file), 'utf8');
    return patterns.some((pattern) => pattern.test(text));
  });
}

/** Every file that is, or could be, under version control. */
function ownFiles(folder = ''): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (NOT_OURS.has(entry.name) || entry.name.endsWith('.log')) return [];
    if (entry.isDirectory()) return ownFiles(path);
    return entry.isFile() ? [path] : [];
  });
}

function readIgnoredNames(): string[] {
  const lines = readFileSync(join(ROOT, '.gitignore'), 'utf8').split('\n');
  return lines.filter((line) => line.endsWith('/')).map((line) => line.slice(0, -1));
}

function npmRegistry(): string {
  return execFileSync('npm', ['config', 'get', 'registry'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

function hostOf(uri: string): string[] {
  const host = URL.canParse(uri) ? new URL(uri).hostname : '';
  return /^(|localhost|127\..*|\[::1\])$/.test(host) ? [] : [host];
}

/** A name without a dot may be an ordinary word, and means a host only where a URL has one. */
function patternOfHost(host: string): RegExp {
  const before = host.includes('.') ? '(?<![\\w.-])' : '//';
  return new RegExp(`${before}${escape(host)}(?![\\w-]|\\.\\w)`);
}

function escape(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
