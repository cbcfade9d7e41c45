import type { Environment } from '../../config/variables.js';
import { printableText } from '../../core/printable-text.js';
import type { MappingAnswer, MappingResult } from '../admin-answers.js';
import { allMappingsAnswer, changeAnswer, statusAnswer } from '../admin-answers.js';
import { adminClientFor } from '../admin-client-for.js';
import type { AdminClient } from '../admin-client.js';
import { RefusedError } from '../admin-client.js';
import type { ExitCode } from '../exit-code.js';
import { EXIT, isLockedOut, usageError } from '../exit-code.js';
import { tableLines } from '../table.js';
import type { Terminal } from '../terminal.js';
import { showCount, showCounted } from '../times.js';
import type { OperateOptions } from './operation.js';
import { mappingPath, Operation } from './operation.js';

export interface PauseOptions extends OperateOptions {
  readonly all?: true;
}

type Action = 'pause' | 'resume';

/** Some could be changed, others not: the list tells of each. */
const NOT_ALL_STATUS = 409;
/** The daemon takes only so many changes at once. */
const AT_ONCE = 16;

/** The command `pause`: the emergency stop. It asks nothing and looks at nothing before it acts. */
export async function pauseCommand(
  terminal: Terminal,
  environment: Environment,
  names: readonly string[],
  options: PauseOptions,
): Promise<ExitCode> {
  mustBeNamed(names, options, 'pause');
  const client = await adminClientFor(options, environment);
  return tell(terminal, 'pause', await change(client, 'pause', names, options), options);
}

/** The command `resume`: what clients changed in the meantime is carried over then. */
export async function resumeCommand(
  terminal: Terminal,
  environment: Environment,
  names: readonly string[],
  options: PauseOptions,
): Promise<ExitCode> {
  mustBeNamed(names, options, 'resume');
  const operation = await Operation.begin(terminal, environment, options);
  const { mappings } = await operation.client.get('api/v1/status', statusAnswer);
  const concerned = options.all === true ? mappings : named(mappings, names);
  const paused = concerned.filter(({ state }) => state === 'paused').length;
  operation.show(...resumeLines(terminal, concerned));
  const text = `Resume ${showCounted(concerned.length, 'mapping', 'mappings')}, ${showCount(paused)} of them paused?`;
  if (!(await operation.consents({ kind: 'yes-or-no', text }))) return EXIT.found;
  return tell(terminal, 'resume', await change(operation.client, 'resume', names, options), options);
}

function mustBeNamed(names: readonly string[], { all }: PauseOptions, action: Action): void {
  if (names.length > 0 !== (all === true)) return;
  throw usageError(
    names.length > 0
      ? `either mappings or --all: which of them is to be ${action}d?`
      : `name the mappings that are to be ${action}d, or say --all`,
  );
}

function named(mappings: readonly MappingAnswer[], names: readonly string[]): readonly MappingAnswer[] {
  const unknown = names.find((name) => mappings.every((mapping) => mapping.name !== name));
  if (unknown !== undefined) {
    const known = mappings.map(({ name }) => name).join(', ');
    throw usageError(`the daemon has no mapping ${JSON.stringify(unknown)}; it has: ${known}`);
  }
  return mappings.filter(({ name }) => names.includes(name));
}

function resumeLines(terminal: Terminal, mappings: readonly MappingAnswer[]): string[] {
  const columns = [
    { title: 'MAPPING' },
    { title: 'STATE' },
    { title: 'TO ZOOKEEPER', align: 'right' as const },
    { title: 'TO CONSUL', align: 'right' as const },
  ];
  const rows = mappings.map(({ name, state, pending }) => [
    printableText(name),
    printableText(state),
    showCount(pending.toZookeeper),
    showCount(pending.toConsul),
  ]);
  return [
    'Everything is compared again, and what clients have changed since is carried over. Known to be waiting:',
    ...tableLines(terminal, columns, rows).map((line) => `  ${line}`),
  ];
}

async function change(
  client: AdminClient,
  action: Action,
  names: readonly string[],
  { all }: PauseOptions,
): Promise<readonly MappingResult[]> {
  if (all === true) {
    const answers = [200, NOT_ALL_STATUS];
    return (await client.post(`api/v1/${action}`, {}, allMappingsAnswer, answers)).mappings;
  }
  const results: MappingResult[] = [];
  for (let from = 0; from < names.length; from += AT_ONCE) {
    const some = names.slice(from, from + AT_ONCE);
    results.push(...(await Promise.all(some.map((name) => changeOne(client, action, name)))));
  }
  return results;
}

/** A mapping that can't be changed keeps no other from it. */
async function changeOne(client: AdminClient, action: Action, mapping: string): Promise<MappingResult> {
  try {
    const { message } = await client.post(`${mappingPath(mapping)}/${action}`, {}, changeAnswer);
    return { mapping, ok: true, message };
  } catch (error) {
    // A daemon that lets nobody in says the same of each.
    if (!(error instanceof RefusedError) || isLockedOut(error.answer.code)) throw error;
    return { mapping, ok: false, ...error.answer };
  }
}

function tell(
  terminal: Terminal,
  action: Action,
  results: readonly MappingResult[],
  { json }: PauseOptions,
): ExitCode {
  if (json === true) terminal.printJson({ action, mappings: results });
  for (const result of results) {
    if (!result.ok) {
      const { mapping, error, code, hint } = result;
      terminal.note(
        printableText(`zk-consul-sync: mapping ${mapping} is not ${action}d: ${error} (${code}) ${hint}`),
      );
    } else if (json !== true) {
      terminal.print(`Done: ${printableText(result.message)}.`);
    }
  }
  const failed = results.filter((result) => !result.ok);
  if (failed.length === 0) return EXIT.done;
  const isOnlyMisnamed = failed.every((result) => result.code === 'UNKNOWN_MAPPING');
  return isOnlyMisnamed && failed.length === results.length ? EXIT.usage : EXIT.found;
}
