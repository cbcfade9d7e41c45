import type { HoldCommand } from '../admin/hold-advice.js';
import { shellWord } from './printable.js';

/**
 * The command to copy.
 * @param daemon the options that name the daemon, as they were given
 */
export function holdCommandLine(
  daemon: readonly string[],
  mapping: string,
  key: string | null,
  { command, options }: HoldCommand,
): string {
  const entry = command === 'release' ? [key ?? ''] : [];
  // What begins like an option is one, if nothing says that there are no more.
  const named = [mapping, ...entry];
  const words = named.some((word) => word.startsWith('-'))
    ? [command, ...options, ...daemon, '--', ...named]
    : [command, ...named, ...options, ...daemon];
  return ['zk-consul-sync', ...words.map(shellWord)].join(' ');
}
