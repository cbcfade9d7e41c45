import { allowedValues } from '../../../src/config/setting-tree.js';
import type { ListedSetting } from './setting-list.js';
import { listSettings } from './setting-list.js';

/** The reference of all settings in Markdown, one table per section of the file. */
export function settingsReference(): string {
  const settings = listSettings();
  return settings
    .filter(({ path }) => !/[.[]/.test(path))
    .map((section) => {
      const inside = settings.filter(
        ({ path }) => /^[.[]/.test(path.slice(section.path.length)) && path.startsWith(section.path),
      );
      const rows = (inside.length === 0 ? [section] : inside).filter(hasValue).map(tableRow);
      const head = ['| Setting | Allowed | Default | Meaning |', '| --- | --- | --- | --- |'];
      const intro = inside.length === 0 ? [] : [section.node.description ?? '', ''];
      return [`### ${section.path}`, '', ...intro, ...head, ...rows].join('\n');
    })
    .join('\n\n');
}

/** A group that is there by default says nothing that its settings don't say. */
function hasValue({ node }: ListedSetting): boolean {
  return node.type !== 'object' || node.default === undefined;
}

function tableRow(setting: ListedSetting): string {
  const { path, node } = setting;
  const cells = [`\`${path}\``, allowedCell(setting), defaultCell(setting), node.description ?? ''];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function allowedCell({ node }: ListedSetting): string {
  if (node.enum !== undefined) return node.enum.map((word) => `\`${word}\``).join(', ');
  return node.type === 'object' ? 'a group of settings' : escapeMarkdown(allowedValues(node));
}

function defaultCell({ node, isRequired }: ListedSetting): string {
  if (isRequired) return '**required**';
  if (node.defaultNote !== undefined) return node.defaultNote;
  if (node.default === undefined) return 'not set';
  return `\`${typeof node.default === 'string' ? node.default : JSON.stringify(node.default)}\``;
}

function escapeMarkdown(text: string): string {
  return text.replace(/[*_<>[\]]/g, (character) => `\\${character}`);
}
