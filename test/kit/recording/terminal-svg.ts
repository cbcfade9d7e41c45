import type { Piece } from './terminal-text.js';
import { piecesOf } from './terminal-text.js';

/** One thing that happens on the terminal. */
export interface Moment {
  /** What a reader should know of it. */
  readonly remark?: string | undefined;
  /** What somebody types. */
  readonly command: string;
  /** With the terminal's own sequences for colours. */
  readonly output: string;
}

const FONT_SIZE = 13;
const LINE_HEIGHT = 18;
/** Of a character, for the fonts below. */
const CHARACTER_WIDTH = 7.83;
const PADDING = 16;
const TITLE_HEIGHT = 30;
/** What is typed takes its time, and so does whoever reads what came of it. */
const TYPED_SECONDS = 1.2;
const READ_SECONDS_PER_LINE = 0.25;

/** Both themes in one file: the browser, or GitHub, shows the one that the reader has. */
const STYLE = `
text { font: ${FONT_SIZE}px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; fill: #1f2328; white-space: pre }
.frame { fill: #f6f8fa; stroke: #d1d9e0 } .bar { fill: #d1d9e0 } .prompt, .cyan { fill: #0550ae } .comment, .dim { fill: #59636e }
.bold, .command { font-weight: 600 } .red { fill: #b3261e } .green { fill: #116329 } .yellow { fill: #7d4e00 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .frame { fill: #0d1117; stroke: #3d444d } .bar { fill: #3d444d } .prompt, .cyan { fill: #79c0ff }
  .comment, .dim { fill: #9198a1 } .red { fill: #ff7b72 } .green { fill: #56d364 } .yellow { fill: #e3b341 }
}
@media (prefers-reduced-motion: no-preference) {
  .later { opacity: 0; animation: appear 0.15s linear forwards }
}
@keyframes appear { to { opacity: 1 } }
`;

/** A terminal on which one thing happens after the other; it ends with all of it to be read. */
export function terminalSvg(title: string, moments: readonly Moment[]): string {
  const rows: string[] = [];
  let line = 0;
  let columns = 0;
  let seconds = 0;
  const add = (content: string, length: number): void => {
    const y = TITLE_HEIGHT + PADDING + (line + 1) * LINE_HEIGHT - 5;
    const delay = `animation-delay: ${seconds.toFixed(2)}s`;
    if (content !== '')
      rows.push(`<text class="later" style="${delay}" x="${PADDING}" y="${y}">${content}</text>`);
    line++;
    columns = Math.max(columns, length);
  };
  for (const [at, { remark, command, output }] of moments.entries()) {
    if (at > 0) add('', 0);
    if (remark !== undefined) add(`<tspan class="comment"># ${escaped(remark)}</tspan>`, remark.length + 2);
    add(
      `<tspan class="prompt">$ </tspan><tspan class="command">${escaped(command)}</tspan>`,
      command.length + 2,
    );
    seconds += TYPED_SECONDS;
    const text = output.replace(/\s+$/, '');
    const lines = text === '' ? [] : piecesOf(text);
    for (const pieces of lines) add(pieces.map(shown).join(''), lengthOf(pieces));
    seconds += lines.length * READ_SECONDS_PER_LINE;
  }
  const width = Math.ceil(2 * PADDING + columns * CHARACTER_WIDTH);
  const height = TITLE_HEIGHT + 2 * PADDING + line * LINE_HEIGHT;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(title)}">`,
    `<style>${STYLE}</style>`,
    `<rect class="frame" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8"/>`,
    ...[0, 1, 2].map(
      (at) => `<circle class="bar" cx="${PADDING + at * 18}" cy="${TITLE_HEIGHT / 2 + 2}" r="5"/>`,
    ),
    ...rows,
    '</svg>',
    '',
  ].join('\n');
}

function shown({ text, looks }: Piece): string {
  return looks.length === 0 ? escaped(text) : `<tspan class="${looks.join(' ')}">${escaped(text)}</tspan>`;
}

function lengthOf(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, { text }) => sum + text.length, 0);
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
