import { describe, expect, it } from 'vitest';
import { terminalSvg } from '../../kit/recording/terminal-svg.js';
import { piecesOf } from '../../kit/recording/terminal-text.js';

describe('the output of a terminal', () => {
  it('is taken apart into lines and pieces that look alike, over the ends of lines', () => {
    expect(
      piecesOf('\x1b[1mA\x1b[31mB\x1b[39mC\x1b[22m\r\r\nplain \x1b[32mgreen\nstill\x1b[0m done'),
    ).toEqual([
      [
        { text: 'A', looks: ['bold'] },
        { text: 'B', looks: ['bold', 'red'] },
        { text: 'C', looks: ['bold'] },
      ],
      [
        { text: 'plain ', looks: [] },
        { text: 'green', looks: ['green'] },
      ],
      [
        { text: 'still', looks: ['green'] },
        { text: ' done', looks: [] },
      ],
    ]);
  });

  it('with looks that nobody foresaw is refused, and not shown wrongly', () => {
    expect(() => piecesOf('\x1b[7mreversed')).toThrow('does not know how');
  });
});

describe('a recording', () => {
  const svg = terminalSvg('A "title"', [
    { remark: 'first', command: 'say <a> & b', output: '\x1b[31mred\x1b[39m\n' },
    { command: 'quiet', output: '' },
  ]);

  it('shows what was typed and what came of it, as text', () => {
    const texts = [...svg.matchAll(/<text [^>]*>(.*?)<\/text>/g)].map(([, text = '']) =>
      text.replaceAll(/<[^>]+>/g, ''),
    );
    expect(texts).toEqual(['# first', '$ say &lt;a&gt; &amp; b', 'red', '$ quiet']);
    expect(svg).toContain('aria-label="A &quot;title&quot;"');
    expect(svg).toContain('<tspan class="red">red</tspan>');
  });

  it('goes on line by line, each below the one before and not earlier', () => {
    const rows = [...svg.matchAll(/animation-delay: ([\d.]+)s" x="\d+" y="(\d+)"/g)].map(([, at, y]) => [
      Number(at),
      Number(y),
    ]);
    expect(rows).toHaveLength(4);
    for (const [position, [at = 0, y = 0]] of rows.slice(1).entries()) {
      const [before = 0, above = 0] = rows[position] ?? [];
      expect(at).toBeGreaterThanOrEqual(before);
      expect(y).toBeGreaterThan(above);
    }
  });

  it('has both themes, and stands still for whoever wants no motion', () => {
    expect(svg).toContain('@media (prefers-color-scheme: dark)');
    expect(svg).toMatch(/@media \(prefers-reduced-motion: no-preference\) \{\s*\.later \{ opacity: 0/);
  });
});
