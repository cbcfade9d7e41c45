import { resolve } from 'node:path';
import type { Node, YAMLMap } from 'yaml';
import { Scalar, isAlias, isMap, isScalar, isSeq } from 'yaml';
import type { ConfigProblem } from './problem.js';
import { quoted } from './problem.js';
import { REDACTED } from './secret.js';
import type { SettingNode, SettingPath } from './setting-tree.js';
import { asType, formatPath, settingTree } from './setting-tree.js';
import { suggestName } from './suggestion.js';
import type { Environment } from './variables.js';
import { expandVariables } from './variables.js';
import type { Position, YamlSource } from './yaml-source.js';

/** How often aliases (`*name`) may be used: one can stand for a large part of the document. */
const ALIASES_MAX = 200;

/** What all expanded texts may take together: a short file can name a long variable many times. */
const EXPANDED_LENGTH_MAX = 1024 * 1024;

/** Other names are not repeated in messages: in `auth: { user:password }`, the name is the secret. */
const NAME_OF_SETTING = /^[A-Za-z][A-Za-z0-9_-]{0,40}$/;

/** A tag that only says what a plain value is anyway. */
const PLAIN_TAG = /^tag:yaml\.org,2002:(str|int|float|bool|null|map|seq)$/;

/** Where a setting stands, and what may be said of its value. */
export interface Place extends Position {
  /** The value for messages: quoted, or by where it comes from if it is not to be shown. */
  readonly shown: string;
  /** The value is a number, or true or false, which a text in quotes is not. */
  readonly isUnquoted: boolean;
  /** A problem was reported here already, and there is no value to be judged. */
  readonly failed: boolean;
}

/** A setting that names a file, with its absolute path. */
export interface FileSetting {
  readonly path: SettingPath;
  readonly file: string;
}

/** The settings of a file as plain values, not yet validated. */
export interface ReadSettings {
  readonly value: unknown;
  readonly places: ReadonlyMap<string, Place>;
  readonly files: readonly FileSetting[];
  readonly problems: readonly ConfigProblem[];
}

/**
 * Reads the settings that the schema knows from a YAML document, expands variables, and reports unknown and
 * doubled names. What the schema doesn't know is not descended into, so the depth of the work is that of the schema.
 */
export function readSettings(
  source: YamlSource,
  options: { environment: Environment; directory: string },
): ReadSettings {
  return new SettingsReader(source, options.environment, options.directory).readAll();
}

class SettingsReader {
  readonly #places = new Map<string, Place>();
  readonly #files: FileSetting[] = [];
  readonly #problems: ConfigProblem[] = [];
  readonly #source: YamlSource;
  readonly #environment: Environment;
  readonly #directory: string;
  #aliases = 0;
  #expandedLength = 0;

  constructor(source: YamlSource, environment: Environment, directory: string) {
    this.#source = source;
    this.#environment = environment;
    this.#directory = directory;
  }

  readAll(): ReadSettings {
    const { contents } = this.#source;
    const value = contents === null ? {} : this.#read(contents, settingTree(), []);
    return { value: value ?? {}, places: this.#places, files: this.#files, problems: this.#problems };
  }

  #read(node: Node, setting: SettingNode, path: SettingPath): unknown {
    const position = this.#source.positionOf(node);
    const target = isAlias(node) ? this.#resolve(node) : node;
    if (typeof target === 'string') return this.#fail(path, position, target);
    if (target.tag !== undefined && !PLAIN_TAG.test(target.tag)) {
      return this.#fail(path, position, 'tags (!) are not used in the configuration');
    }
    if (isMap(target)) {
      this.#note(path, position, 'a group of settings');
      return this.#readGroup(target, asType(setting, 'object')?.properties, path);
    }
    if (isSeq(target)) {
      this.#note(path, position, target.items.length === 0 ? 'an empty list' : 'a list');
      const items = asType(setting, 'array')?.items;
      return items === undefined
        ? []
        : target.items.map((item, i) => this.#read(item as Node, items, [...path, i]));
    }
    return this.#readScalar(target as Scalar, setting, path, position);
  }

  /** @returns what the alias stands for, or what is wrong with it */
  #resolve(alias: Node): Node | string {
    if (!isAlias(alias)) return alias;
    this.#aliases++;
    if (this.#aliases > ALIASES_MAX) return `more than ${ALIASES_MAX} uses of aliases (*)`;
    return this.#source.resolve(alias) ?? 'the alias (*) has no anchor (&) before it';
  }

  /** @param known the group's settings; undefined where no group belongs, which the schema reports */
  #readGroup(map: YAMLMap, known: SettingNode['properties'], path: SettingPath): Record<string, unknown> {
    const group: Record<string, unknown> = {};
    if (known === undefined) return group;
    const firstLines = new Map<string, number>();
    for (const { key, value } of map.items as { key: Node; value: Node | null }[]) {
      const position = this.#source.positionOf(key);
      if (!isScalar(key) || typeof key.value !== 'string') {
        this.#report(path, position, 'the name of a setting is a plain text');
        continue;
      }
      const name = this.#source.textOf(key.value);
      const setting = Object.hasOwn(known, name) ? known[name] : undefined;
      const firstLine = firstLines.get(name);
      firstLines.set(name, firstLine ?? position.line);
      if (firstLine !== undefined && setting !== undefined) {
        this.#report([...path, name], position, `is set twice; the first time on line ${firstLine}`);
      } else if (setting === undefined) {
        const shown = value !== null && NAME_OF_SETTING.test(name) ? [...path, name] : path;
        this.#report(shown, position, unknownName(name, Object.keys(known)));
      } else {
        group[name] = this.#read(value ?? nothingAt(key), setting, [...path, name]);
      }
    }
    return group;
  }

  #readScalar(scalar: Scalar, setting: SettingNode, path: SettingPath, position: Position): unknown {
    const { value } = scalar;
    if (value === null) {
      // A section whose settings are all commented out is one that keeps its defaults.
      const isSection = setting.type === 'object' && setting.default !== undefined;
      this.#note(path, position, 'nothing');
      return isSection ? {} : null;
    }
    if (typeof value !== 'string') {
      const shown = setting.secret === true ? `a ${typeof value}` : (scalar.source ?? typeof value);
      this.#note(path, position, shown, { isUnquoted: true });
      return value;
    }
    return this.#readText(value, setting, path, position);
  }

  #readText(written: string, setting: SettingNode, path: SettingPath, position: Position): unknown {
    const { text, variables, problem } = expandVariables(this.#source.textOf(written), this.#environment);
    if (problem !== undefined) return this.#fail(path, position, problem);
    this.#note(path, position, showText(text, variables, setting));
    if (variables.length === 0) return this.#placed(text, setting, path);
    // Vital for one setting: an empty Consul prefix maps the whole store.
    if (text === '')
      return this.#fail(path, position, `${valueOf(variables)} is empty; "" has to be written as such`);
    this.#expandedLength += text.length;
    if (this.#expandedLength > EXPANDED_LENGTH_MAX) {
      return this.#fail(path, position, 'the variables are too long: more than 1 MiB in all');
    }
    return this.#placed(typed(text, setting), setting, path);
  }

  /** Paths are relative to the file they are written in. */
  #placed(value: unknown, setting: SettingNode, path: SettingPath): unknown {
    if (setting.place === undefined || typeof value !== 'string' || value === '') return value;
    const file = resolve(this.#directory, value);
    if (setting.place === 'file') this.#files.push({ path, file });
    return file;
  }

  #note(path: SettingPath, position: Position, shown: string, more: Partial<Place> = {}): void {
    this.#places.set(formatPath(path), { ...position, shown, isUnquoted: false, failed: false, ...more });
  }

  #report(path: SettingPath, position: Position, message: string): void {
    this.#problems.push({ path: formatPath(path), ...position, message });
  }

  /** @returns a value that stands for the one that could not be read */
  #fail(path: SettingPath, position: Position, message: string): string {
    this.#report(path, position, message);
    this.#note(path, position, '', { failed: true });
    return '';
  }
}

/** The value of a name that has none (`{ tls }`). */
function nothingAt(key: Node): Scalar {
  const nothing = new Scalar(null);
  nothing.range = key.range ?? null;
  return nothing;
}

/** A value made of variables is a text at first; a setting that takes no text gets what the text says. */
function typed(text: string, setting: SettingNode): string | number | boolean {
  if (setting.type === 'integer' && /^-?\d{1,15}$/.test(text)) return Number(text);
  if (setting.type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}

/** A value for messages. What comes from the environment may be a secret put into the wrong variable. */
function showText(text: string, variables: readonly string[], setting: SettingNode): string {
  if (variables.length > 0) return valueOf(variables);
  // What should be a group may be its only secret (`auth: user:password`).
  if (setting.type === 'object' || setting.type === 'array') return 'a text';
  // An "@" may end the credentials of an address.
  return setting.secret === true || text.includes('@') ? REDACTED : quoted(text);
}

function valueOf(variables: readonly string[]): string {
  return `the value of ${variables.map((name) => `\${${name}}`).join(' and ')}`;
}

function unknownName(name: string, known: readonly string[]): string {
  if (name === '<<') return 'merge keys (<<) are not supported: write the settings out';
  const suggestion = suggestName(name, known);
  if (suggestion !== undefined) return `unknown setting; did you mean ${suggestion}?`;
  return `unknown setting; allowed here: ${known.join(', ')}`;
}
