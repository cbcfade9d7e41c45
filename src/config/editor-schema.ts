import type { SettingNode } from './setting-tree.js';
import { settingTree } from './setting-tree.js';

type JsonSchema = Readonly<Record<string, unknown>>;

/** A setting that is no free text takes a text with variables too: its value shows only where the daemon runs. */
const VARIABLE = {
  description: 'A text with variables of the environment: ${NAME} or ${NAME:-default}.',
  type: 'string',
  pattern: '\\$\\{[A-Za-z_][A-Za-z0-9_]*(:-[^{}]*)?\\}',
};

/** The JSON Schema for editors, shipped as config.schema.json. */
export function editorSchema(): JsonSchema {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'zk-consul-sync',
    ...settingSchema(settingTree()),
    definitions: { variable: VARIABLE },
  };
}

function settingSchema(node: SettingNode): JsonSchema {
  const value = valueSchema(node);
  const description = { description: describeSetting(node) };
  if (takesAnyText(node)) return { ...description, ...value };
  const { default: initial, ...restricted } = value;
  return {
    ...description,
    ...(initial === undefined ? {} : { default: initial }),
    anyOf: [restricted, { $ref: '#/definitions/variable' }],
  };
}

function takesAnyText(node: SettingNode): boolean {
  if (node.type === 'object' || node.type === 'array') return true;
  return node.type === 'string' && node.enum === undefined && node.pattern === undefined;
}

/** The node without the facts that are no part of JSON Schema; a strict validator would refuse them. */
function valueSchema(node: SettingNode): JsonSchema {
  const { description, allowed, defaultNote, secret, place, properties, items, anyOf, ...value } = node;
  return {
    ...value,
    ...(properties === undefined ? {} : { properties: mapValues(properties, settingSchema) }),
    ...(items === undefined ? {} : { items: settingSchema(items) }),
    ...(anyOf === undefined ? {} : { anyOf: anyOf.map(valueSchema) }),
  };
}

function describeSetting({ description, allowed, defaultNote }: SettingNode): string {
  const sentences = [description ?? ''];
  if (allowed !== undefined) sentences.push(`Allowed: ${allowed}.`);
  if (defaultNote !== undefined) sentences.push(`Default: ${defaultNote}.`);
  return sentences.join(' ');
}

function mapValues<T, U>(record: Readonly<Record<string, T>>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}
