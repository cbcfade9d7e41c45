import type { Result } from './run-scenario.js';

/** Who everybody is compared with. */
const SUBJECT = 'zk-consul-sync';

/** Medians, their spread, and how many times as much the daemon has of each. */
export function resultTable({ scenario, about, entries, shape, rounds, figures }: Result): string {
  const head = ['', 'median', 'lowest to highest', 'zk-consul-sync is'];
  const rows = figures.map((figure) => {
    const own = figures.find(({ contender, name }) => contender === SUBJECT && name === figure.name);
    const ratio =
      own === undefined || figure.contender === SUBJECT ? '' : `${shown(own.median / figure.median)} x`;
    const spread = `${shown(Math.min(...figure.values))} to ${shown(Math.max(...figure.values))}`;
    return [`${figure.contender}, ${figure.name}`, shown(figure.median), spread, ratio];
  });
  const title = `${scenario}: ${about} (${entries} entries, ${shape}, ${rounds} rounds)`;
  return [title, ...aligned([head, ...rows])].join('\n');
}

/** The same for a page: who by what, with the median, and how many times as much the daemon has. */
export function markdownTable({ figures }: Result): string {
  const names = [...new Set(figures.map(({ name }) => name))];
  const contenders = [...new Set(figures.map(({ contender }) => contender))];
  const cell = (contender: string, name: string): string => {
    const figure = figures.find((one) => one.contender === contender && one.name === name);
    if (figure === undefined) return '';
    const own = figures.find((one) => one.contender === SUBJECT && one.name === name);
    const isOwn = contender === SUBJECT || own === undefined;
    return isOwn ? shown(figure.median) : `${shown(figure.median)} (${shown(own.median / figure.median)} x)`;
  };
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    row(['', ...contenders]),
    row(['---', ...contenders.map(() => '---')]),
    ...names.map((name) => row([name, ...contenders.map((contender) => cell(contender, name))])),
  ].join('\n');
}

/** Three significant digits. */
export function shown(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  return Math.abs(value) >= 1_000 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
}
