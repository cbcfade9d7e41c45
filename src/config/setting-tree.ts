import { z } from 'zod';
import { configSchema } from './schema.js';
import type { SettingFacts } from './setting.js';

/** A place in a YAML document: names of settings and positions in lists. */
export type SettingPath = readonly (string | number)[];

/** What the schema says of a setting, as plain data: the part of JSON Schema that the schema uses, and the facts. */
export interface SettingNode extends Partial<SettingFacts> {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  readonly properties?: Readonly<Record<string, SettingNode>>;
  readonly required?: readonly string[];
  readonly items?: SettingNode;
  readonly anyOf?: readonly SettingNode[];
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly default?: unknown;
}

let tree: SettingNode | undefined;

/** The schema of the whole file, as what stands in it (before defaults and units are worked out). */
export function settingTree(): SettingNode {
  tree ??= z.toJSONSchema(configSchema, { io: 'input', target: 'draft-7' }) as SettingNode;
  return tree;
}

/** The alternative of a setting that is a group or a list, where it may be one. */
export function asType(node: SettingNode | undefined, type: 'object' | 'array'): SettingNode | undefined {
  if (node === undefined || node.type === type) return node;
  return node.anyOf?.find((alternative) => alternative.type === type);
}

/** The setting at a path, or undefined where there is none. */
export function settingAt(path: SettingPath): SettingNode | undefined {
  let node: SettingNode | undefined = settingTree();
  for (const step of path) {
    node =
      typeof step === 'number' ? asType(node, 'array')?.items : asType(node, 'object')?.properties?.[step];
  }
  return node;
}

/** The values a setting takes, in words. */
export function allowedValues(node: SettingNode): string {
  if (node.allowed !== undefined) return node.allowed;
  if (node.enum !== undefined) return node.enum.join(', ');
  if (node.type === 'boolean') return 'true, false';
  if (node.type === 'integer') return `a whole number from ${node.minimum} to ${node.maximum}`;
  return `a group of settings: ${Object.keys(node.properties ?? {}).join(', ')}`;
}

/** `mappings[0].maxDelete.percent` */
export function formatPath(path: SettingPath): string {
  return path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`))
    .join('')
    .replace(/^\./, '');
}
