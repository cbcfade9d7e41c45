import { existsSync } from 'node:fs';
import type { Config, MappingConfig } from '../config/schema.js';
import type { Environment } from '../config/variables.js';
import { usageError } from './exit-code.js';
import { printableText } from '../core/printable-text.js';

export const DEFAULT_CONFIG_FILE = '/etc/zk-consul-sync/config.yaml';
export const CONFIG_VARIABLE = 'ZK_CONSUL_SYNC_CONFIG';

/** The file that a command is to read; undefined when none was given and there is none at the usual place. */
export function findConfigFile(given: string | undefined, environment: Environment): string | undefined {
  if (given !== undefined) return given;
  const named = environment[CONFIG_VARIABLE];
  if (named !== undefined && named !== '') return named;
  return existsSync(DEFAULT_CONFIG_FILE) ? DEFAULT_CONFIG_FILE : undefined;
}

/** @throws CommandError when no file was given and there is none at the usual place */
export function requireConfigFile(given: string | undefined, environment: Environment): string {
  const file = findConfigFile(given, environment);
  if (file !== undefined) return file;
  throw usageError(
    `no configuration: there is no ${DEFAULT_CONFIG_FILE}; name a file with --config FILE or in ${CONFIG_VARIABLE}`,
  );
}

/** @throws CommandError or ConfigurationError */
export async function requireConfig(given: string | undefined, environment: Environment): Promise<Config> {
  const file = requireConfigFile(given, environment);
  // What reads it is more than half of what a command loads that needs none, such as --help.
  const { loadConfig } = await import('../config/load-config.js');
  return loadConfig(file, environment);
}

/**
 * The mappings of these names, in the order of the configuration; all of them when none is named.
 * @throws CommandError when one is not configured
 */
export function selectMappings(config: Config, names: readonly string[]): readonly MappingConfig[] {
  const unknown = names.find((name) => config.mappings.every((mapping) => mapping.name !== name));
  if (unknown !== undefined) {
    const known = config.mappings.map(({ name }) => name).join(', ');
    throw usageError(
      `no mapping is called ${printableText(JSON.stringify(unknown))}; the configured ones are: ${known}`,
    );
  }
  return config.mappings.filter(({ name }) => names.length === 0 || names.includes(name));
}
