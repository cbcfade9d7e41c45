import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { editorSchema } from '../../../src/config/editor-schema.js';
import { settingsReference } from './settings-table.js';

export const PROJECT_ROOT = new URL('../../../', import.meta.url);

const BEGIN = '<!-- generated: settings -->';
const END = '<!-- end of generated: settings -->';

/** Every file that is made from the configuration's schema, by its path in the project, with what it should hold. */
export async function generatedFiles(): Promise<ReadonlyMap<string, string>> {
  return new Map([
    ['config.schema.json', await formatted('config.schema.json', JSON.stringify(editorSchema()))],
    ['docs/configuration.md', await formatted('docs/configuration.md', await documentation())],
  ]);
}

/** The page as it is, with the part between the marks made anew. */
async function documentation(): Promise<string> {
  const page = await readFile(new URL('docs/configuration.md', PROJECT_ROOT), 'utf8');
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin)
    throw new Error(`docs/configuration.md has lost its marks, ${BEGIN} and ${END}`);
  return `${page.slice(0, begin)}${BEGIN}\n\n${settingsReference()}\n\n${page.slice(end)}`;
}

async function formatted(path: string, content: string): Promise<string> {
  const filepath = fileURLToPath(new URL(path, PROJECT_ROOT));
  return format(content, { ...(await resolveConfig(filepath)), filepath });
}
