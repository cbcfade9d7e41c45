import { readdir, readFile } from 'node:fs/promises';
import { plotOf } from '../../bench/plots.js';
import { markdownTable } from '../../bench/result-table.js';
import type { KeptResult } from '../../bench/results.js';
import { withPart } from './generated-part.js';

const PAGE = 'docs/performance.md';
const KEPT = 'docs/performance';

/** The page on performance and its plots, made from the results that are kept beside it. */
export async function performanceFiles(root: URL): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  const sections: string[] = [];
  for (const name of (await readdir(new URL(`${KEPT}/`, root))).sort()) {
    if (!name.endsWith('.json')) continue;
    const kept = JSON.parse(await readFile(new URL(`${KEPT}/${name}`, root), 'utf8')) as KeptResult;
    const plot = name.replace(/\.json$/, '.svg');
    files.set(`${KEPT}/${plot}`, plotOf(kept));
    sections.push(sectionOf(kept, `performance/${plot}`));
  }
  const page = await readFile(new URL(PAGE, root), 'utf8');
  files.set(PAGE, withPart(PAGE, page, 'results', sections.join('\n\n')));
  return files;
}

function sectionOf(kept: KeptResult, plot: string): string {
  const { scenario, about, entries, shape, rounds, date, machine, node } = kept;
  const size = `${entries.toLocaleString('en')} entries, ${shape}`;
  const once = rounds === 1 ? 'one round' : `${rounds} rounds`;
  return [
    `### ${scenario}, ${size}`,
    `${about}. ${date}, ${machine}, Node ${node}, ${once}.`,
    markdownTable(kept),
    `![${scenario}, ${size}](${plot})`,
  ].join('\n\n');
}
