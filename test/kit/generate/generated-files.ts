import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { editorSchema } from '../../../src/config/editor-schema.js';
import { withPart } from './generated-part.js';
import { prometheusRule, PROMETHEUS_RULE } from './prometheus-rule.js';
import { performanceFiles } from './performance-page.js';
import { settingsReference } from './settings-table.js';

export const PROJECT_ROOT = new URL('../../../', import.meta.url);

const SETTINGS_PAGE = 'docs/configuration.md';

/**
 * Every file that is made from the configuration's schema, from kept results of the benchmark, or from the alert rules,
 * by its path in the project, with what it should hold.
 */
export async function generatedFiles(): Promise<ReadonlyMap<string, string>> {
  const page = await readFile(new URL(SETTINGS_PAGE, PROJECT_ROOT), 'utf8');
  const raw = new Map([
    ['config.schema.json', JSON.stringify(editorSchema())],
    [SETTINGS_PAGE, withPart(SETTINGS_PAGE, page, 'settings', settingsReference())],
    ...(await performanceFiles(PROJECT_ROOT)),
    [PROMETHEUS_RULE, await prometheusRule(PROJECT_ROOT)],
  ]);
  const files = new Map<string, string>();
  for (const [path, content] of raw) files.set(path, await formatted(path, content));
  return files;
}

async function formatted(path: string, content: string): Promise<string> {
  if (path.endsWith('.svg')) return content;
  const filepath = fileURLToPath(new URL(path, PROJECT_ROOT));
  return format(content, { ...(await resolveConfig(filepath)), filepath });
}
