import type { ConfigProblem } from '../../../src/config/problem.js';
import { ConfigurationError } from '../../../src/config/problem.js';
import { parseConfig } from '../../../src/config/load-config.js';
import type { Config } from '../../../src/config/schema.js';
import type { Environment } from '../../../src/config/variables.js';

/** What stands around the text of a configuration. */
export interface Surroundings {
  readonly environment?: Environment;
  /** Contents of files by absolute path. The configuration itself is /etc/sync/config.yaml. */
  readonly files?: Readonly<Record<string, string>>;
}

/** Parses a configuration that lies in a directory made up for the test. */
export function parse(text: string, { environment = {}, files = {} }: Surroundings = {}): Promise<Config> {
  return parseConfig(text, {
    file: '/etc/sync/config.yaml',
    environment,
    readFile: (file) => {
      const content = files[file];
      if (content !== undefined) return Promise.resolve(new TextEncoder().encode(content));
      return Promise.reject(Object.assign(new Error(`ENOENT: ${file}`), { code: 'ENOENT' }));
    },
  });
}

/** The error of an invalid configuration. */
export async function errorOf(text: string, surroundings?: Surroundings): Promise<ConfigurationError> {
  const result = await parse(text, surroundings).catch((error: unknown) => error);
  if (result instanceof ConfigurationError) return result;
  throw new Error('the configuration was expected to be invalid', { cause: result });
}

export async function problemsOf(
  text: string,
  surroundings?: Surroundings,
): Promise<readonly ConfigProblem[]> {
  return (await errorOf(text, surroundings)).problems;
}

/** A valid configuration with these settings in its `zookeeper` section. */
export function withZooKeeper(settings: string): string {
  return `zookeeper:\n  connect: zk1\n${indented(settings, 2)}\n${MAPPINGS}`;
}

/** A valid configuration with these sections added. */
export function withSections(sections: string): string {
  return `zookeeper: { connect: zk1 }\n${MAPPINGS}${sections}\n`;
}

/** A valid configuration with these settings in its mapping. */
export function withMapping(settings: string): string {
  return `zookeeper: { connect: zk1 }\n${MAPPINGS}${indented(settings, 4)}\n`;
}

/** A valid configuration with one more mapping than the one of /config and config. */
export function withSecondMapping(settings: string): string {
  return `zookeeper: { connect: zk1 }\n${MAPPINGS}  -\n${indented(settings, 4)}\n`;
}

const MAPPINGS = 'mappings:\n  - name: config\n    zookeeper: /config\n    consul: config\n';

function indented(text: string, spaces: number): string {
  return text.replaceAll(/^/gm, ' '.repeat(spaces));
}
