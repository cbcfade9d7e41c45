import type { Environment } from '../config/variables.js';
import { AdminClient, configuredAdmin, parseAdminUrl } from './admin-client.js';
import { requireConfig } from './config-file.js';
import { usageError } from './exit-code.js';

/** Which daemon is meant. */
export interface AskedOptions {
  readonly config?: string;
  readonly admin?: string;
}

/**
 * The daemon named by `--admin`, else that of the configuration. The token of a configuration goes to the daemon of
 * that configuration only.
 * @throws CommandError or ConfigurationError
 */
export async function adminClientFor(options: AskedOptions, environment: Environment): Promise<AdminClient> {
  if (options.admin !== undefined) return new AdminClient(parseAdminUrl(options.admin, environment));
  const address = configuredAdmin(await requireConfig(options.config, environment), environment);
  if (typeof address === 'string') throw usageError(`no daemon to ask: ${address}`);
  return new AdminClient(address);
}
