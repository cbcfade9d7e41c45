import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runCaptured } from './captured-run.js';
import { commandPaths } from './command-paths.js';

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');

describe('docs/errors.md', () => {
  it('explains every error code, and no other', () => {
    const union = /export type ErrorCode =([^]*?);\n\n/.exec(read('src/ports/errors.ts'))?.[1] ?? '';
    const codes = [...union.matchAll(/'([A-Z_]+)'/g)].map(([, code]) => code);
    const rows = [...read('docs/errors.md').matchAll(/^\| `([A-Z_]+)` \|(.*)\|$/gm)];
    expect(codes.length).toBeGreaterThan(10);
    expect(rows.map(([, code]) => code)).toEqual(codes);
    for (const [row, , cells] of rows) {
      expect(
        cells?.split('|').map((cell) => cell.trim().length > 0),
        row,
      ).toEqual([true, true, true]);
    }
  });
});

describe('docs/commands.md', () => {
  const sections = new Map(
    read('docs/commands.md')
      .split(/^## /m)
      .slice(1)
      .map((section) => [section.slice(0, section.indexOf('\n')), section]),
  );

  it('has a section for every command, and for no other', async () => {
    const { stdout } = await runCaptured(['--help']);
    const list = stdout.slice(stdout.indexOf('Commands:'), stdout.indexOf('Exit codes:'));
    const commands = [...list.matchAll(/^ {2}([a-z]+)/gm)].flatMap(([, name]) =>
      name === 'help' ? [] : [name],
    );
    expect([...sections.keys()]).toEqual(['For all commands', ...commands.map((name) => `\`${name}\``)]);
  });

  it('names every option of every command', async () => {
    const common = sections.get('For all commands') ?? '';
    for (const path of commandPaths()) {
      const section = sections.get(`\`${path.split(' ')[0] ?? ''}\``) ?? '';
      const { stdout } = await runCaptured([...path.split(' '), '--help']);
      const listed = stdout.slice(0, stdout.indexOf('Examples:'));
      const options = [...listed.matchAll(/(?<= )--[a-z-]+/g)].map(([option]) => option);
      expect(options).toContain('--config');
      for (const option of options) expect(section + common, `${path} ${option}`).toContain(option);
    }
  });

  it('shows every command with its arguments', async () => {
    const text = [...sections.values()].join('').replaceAll('\n', ' ');
    const withArguments = commandPaths().filter((path) => path.includes(' '));
    expect(withArguments).toContain('conflicts show');
    for (const path of withArguments) expect(text).toContain(`\`${path} `);
  });
});
