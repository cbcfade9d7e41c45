import { readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { crossCheck } from './cross-checks.js';
import type { ConfigProblem } from './problem.js';
import { ConfigurationError } from './problem.js';
import type { ReadFile } from './referenced-files.js';
import { checkReferencedFiles, describeFileError } from './referenced-files.js';
import type { Config } from './schema.js';
import { configSchema, unite } from './schema.js';
import { schemaProblems } from './schema-problems.js';
import type { Place, ReadSettings } from './settings-reader.js';
import { readSettings } from './settings-reader.js';
import type { Environment } from './variables.js';
import { readYaml } from './yaml-source.js';

/** No file of a configuration is larger. */
const FILE_BYTES_MAX = 1024 * 1024;

/** For file systems on a network. */
const FILE_TIMEOUT_MS = 10_000;

/**
 * Reads and validates the configuration file, and checks the files that it names. Contacts no store.
 * @throws ConfigurationError with everything that is wrong
 */
export async function loadConfig(file: string, environment: Environment): Promise<Config> {
  const text = decodeUtf8(file, await readConfigFile(file));
  return parseConfig(text, { file, environment, readFile: readBoundedFile });
}

async function readConfigFile(file: string): Promise<Uint8Array> {
  try {
    return await readBoundedFile(file);
  } catch (cause) {
    throw unreadable(file, describeFileError(cause), cause);
  }
}

function decodeUtf8(file: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw unreadable(file, 'it is no UTF-8 text', cause);
  }
}

function unreadable(file: string, reason: string, cause: unknown): ConfigurationError {
  const problem = { path: '', line: 0, column: 0, message: `can't be read: ${reason}` };
  return new ConfigurationError(file, [problem], { cause });
}

/**
 * Validates the text of a configuration file.
 * @param options `file` names it in messages, and relative paths in it start from there
 * @throws ConfigurationError with everything that is wrong
 */
export async function parseConfig(
  text: string,
  options: { file: string; environment: Environment; readFile: ReadFile },
): Promise<Config> {
  const { file, environment } = options;
  const yaml = readYaml(text);
  if (!yaml.ok) throw configurationError(file, [yaml.problem]);
  const directory = dirname(resolve(file));
  const settings = withConsulAddress(readSettings(yaml.source, { environment, directory }), environment);
  const result = configSchema.safeParse(settings.value);
  const problems = [
    ...settings.problems,
    ...schemaProblems(result.error?.issues ?? [], settings),
    ...crossCheck(settings),
    ...(await checkReferencedFiles(settings, options.readFile)),
  ];
  if (result.success && problems.length === 0) return unite(result.data);
  throw configurationError(file, problems);
}

function configurationError(file: string, problems: readonly ConfigProblem[]): ConfigurationError {
  return new ConfigurationError(
    file,
    problems.toSorted((a, b) => a.line - b.line || a.column - b.column),
  );
}

/** `CONSUL_HTTP_ADDR` is the default of `consul.address`, read as Consul's own tools do (with `CONSUL_HTTP_SSL`). */
function withConsulAddress(settings: ReadSettings, environment: Environment): ReadSettings {
  const given = environment['CONSUL_HTTP_ADDR'];
  if (given === undefined || given === '' || settings.places.has('consul.address')) return settings;
  const root = settings.value;
  const consul = isGroup(root) ? (root['consul'] ?? {}) : undefined;
  if (!isGroup(root) || !isGroup(consul)) return settings;
  const isTls = ['1', 'true'].includes(environment['CONSUL_HTTP_SSL']?.toLowerCase() ?? '');
  const address = isTls && !given.includes('://') ? `https://${given}` : given;
  const position = settings.places.get('consul') ?? { line: 1, column: 1 };
  const place: Place = {
    ...position,
    shown: 'the value of CONSUL_HTTP_ADDR',
    isUnquoted: false,
    failed: false,
  };
  return {
    ...settings,
    value: { ...root, consul: { ...consul, address } },
    places: new Map(settings.places).set('consul.address', place),
  };
}

function isGroup(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Regular files only: a pipe or a device may never end, or never begin. */
async function readBoundedFile(file: string): Promise<Uint8Array> {
  const found = await stat(file);
  if (!found.isFile()) throw new Error(found.isDirectory() ? 'it is a directory' : 'it is no regular file');
  if (found.size > FILE_BYTES_MAX) throw new Error('it is larger than 1 MiB');
  return readFile(file, { signal: AbortSignal.timeout(FILE_TIMEOUT_MS) });
}
