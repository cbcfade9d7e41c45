import type { Style, Terminal } from './terminal.js';

/** A cell's text, or a text with a style. */
export type Cell = string | { readonly text: string; readonly style: Style | undefined };

export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
}

const GAP = '  ';

/** Lines of aligned columns below their titles. Cells must be printable. */
export function tableLines(
  terminal: Terminal,
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
): string[] {
  const titles = columns.map(({ title }): Cell => ({ text: title, style: 'bold' }));
  return alignedLines(terminal, columns, [titles, ...rows]);
}

/** The same without titles. */
export function alignedLines(
  terminal: Terminal,
  columns: readonly Pick<Column, 'align'>[],
  rows: readonly (readonly Cell[])[],
): string[] {
  const widths = columns.map((_, i) => Math.max(0, ...rows.map((row) => widthOf(textOf(row[i])))));
  return rows.map((row) => {
    const cells = columns.map(({ align = 'left' }, i) => {
      const cell = row[i];
      const text = textOf(cell);
      const shown = terminal.style(text, typeof cell === 'object' ? cell.style : undefined);
      const padding = ' '.repeat((widths[i] ?? 0) - widthOf(text));
      return align === 'right' ? `${padding}${shown}` : `${shown}${padding}`;
    });
    return cells.join(GAP).trimEnd();
  });
}

function textOf(cell: Cell | undefined): string {
  if (cell === undefined) return '';
  return typeof cell === 'string' ? cell : cell.text;
}

/** In characters; close enough for all but scripts of double width. */
function widthOf(text: string): number {
  return [...text].length;
}
