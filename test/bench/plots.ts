import type { Result } from './run-scenario.js';
import { shown } from './result-table.js';

const WIDTH = 720;
const LABEL_WIDTH = 250;
const VALUE_WIDTH = 70;
const ROW_HEIGHT = 22;
const HEAD_HEIGHT = 34;

/** One row of bars for each figure: of everybody who has it, as long as their medians. */
export function plotOf({ about, entries, shape, figures }: Result): string {
  const names = [...new Set(figures.map(({ name }) => name))];
  const rows: string[] = [];
  let y = HEAD_HEIGHT;
  for (const name of names) {
    const some = figures.filter((figure) => figure.name === name);
    const longest = Math.max(...some.map(({ median }) => median), Number.MIN_VALUE);
    rows.push(`<text x="8" y="${y + 15}" class="name">${escaped(name)}</text>`);
    y += ROW_HEIGHT;
    for (const { contender, median } of some) {
      const room = WIDTH - LABEL_WIDTH - VALUE_WIDTH;
      const width = Math.max(1, Math.round((room * median) / longest));
      const kind = contender.startsWith('zk-consul-sync') ? 'own' : 'other';
      rows.push(
        `<text x="${LABEL_WIDTH - 8}" y="${y + 15}" class="label">${escaped(contender)}</text>`,
        `<rect x="${LABEL_WIDTH}" y="${y + 3}" width="${width}" height="${ROW_HEIGHT - 6}" class="${kind}"/>`,
        `<text x="${LABEL_WIDTH + width + 6}" y="${y + 15}">${shown(median)}</text>`,
      );
      y += ROW_HEIGHT;
    }
    y += 6;
  }
  const title = `${about} (${entries} entries, ${shape})`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y + 8}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<style>${STYLE}</style>`,
    `<rect width="${WIDTH}" height="${y + 8}" class="paper"/>`,
    `<text x="8" y="20" class="title">${escaped(title)}</text>`,
    ...rows,
    '</svg>',
    '',
  ].join('\n');
}

const STYLE =
  'text{font:12px sans-serif;fill:#222}.title{font-weight:bold}.name{fill:#555}.label{text-anchor:end}' +
  '.paper{fill:#fff}.own{fill:#1f77b4}.other{fill:#bbb}';

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
