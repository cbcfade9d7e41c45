import { conflictSummaryJson } from '../admin/conflict-json.js';
import type { Config } from '../config/schema.js';
import type { Environment } from '../config/variables.js';
import { explainOffline } from '../daemon/offline-plan.js';
import { lookAtStart } from '../daemon/start-outlook.js';
import type { Explanation } from '../ports/control.js';
import { SyncError } from '../ports/errors.js';
import type { ExplanationAnswer } from './admin-answers.js';
import { explanationAnswer } from './admin-answers.js';
import type { AdminAddress } from './admin-client.js';
import { AdminClient, configuredAdmin, DaemonUnreachableError, parseAdminUrl } from './admin-client.js';
import { requireConfig, selectMappings } from './config-file.js';
import { explanationLines } from './explanation-lines.js';
import type { ExitCode } from './exit-code.js';
import { CommandError, EXIT, usageError } from './exit-code.js';
import { withOfflineAccess } from './offline.js';
import { printableText } from '../core/printable-text.js';
import type { Terminal } from './terminal.js';

export interface ExplainOptions {
  readonly config?: string;
  readonly admin?: string;
  readonly json?: true;
}

/** Nothing ends the look but its end: each request has a timeout of its own. */
const NEVER = new AbortController().signal;

/** The command `explain`: why one entry is as it is. */
export async function explainCommand(
  terminal: Terminal,
  environment: Environment,
  entry: { readonly mapping: string; readonly key: string },
  options: ExplainOptions,
): Promise<ExitCode> {
  const explanation = await findExplanation(terminal, environment, entry, options);
  if (options.json === true) terminal.printJson({ mapping: entry.mapping, ...explanation });
  else terminal.print(...explanationLines(terminal, entry.mapping, explanation));
  return EXIT.done;
}

async function findExplanation(
  terminal: Terminal,
  environment: Environment,
  entry: { readonly mapping: string; readonly key: string },
  options: ExplainOptions,
): Promise<ExplanationAnswer> {
  if (options.admin !== undefined) return askDaemon(parseAdminUrl(options.admin, environment), entry);
  const config = await requireConfig(options.config, environment);
  selectMappings(config, [entry.mapping]);
  const address = configuredAdmin(config, environment);
  if (typeof address === 'string') return lookOffline(terminal, config, entry, address);
  try {
    return await askDaemon(address, entry);
  } catch (error) {
    if (!(error instanceof DaemonUnreachableError)) throw error;
    return lookOffline(terminal, config, entry, error.message);
  }
}

function askDaemon(
  address: AdminAddress,
  { mapping, key }: { readonly mapping: string; readonly key: string },
): Promise<ExplanationAnswer> {
  const path = `api/v1/mappings/${encodeURIComponent(mapping)}/explain?key=${encodeURIComponent(key)}`;
  return new AdminClient(address).get(path, explanationAnswer, { trusted: true });
}

/** @param why there is no daemon to ask */
async function lookOffline(
  terminal: Terminal,
  config: Config,
  entry: { readonly mapping: string; readonly key: string },
  why: string,
): Promise<ExplanationAnswer> {
  const [mapping] = selectMappings(config, [entry.mapping]);
  if (mapping === undefined) throw usageError(`no mapping is called ${entry.mapping}`);
  try {
    return await withOfflineAccess(terminal, config, 'stores-and-archive', async (access) => {
      terminal.note(`No daemon was asked: ${printableText(why)}`);
      const archive = access.hasArchive
        ? `the archive at ${config.archive.path}`
        : 'no archive, as there is none';
      terminal.note(`Looked at both stores instead, with ${printableText(archive)}.`);
      const context = access.context(mapping);
      if (!context.scope.includes(entry.key)) throw outsideScope(entry);
      const outlook = await lookAtStart(context, NEVER);
      for (const { reason, detail } of outlook.holds) {
        terminal.note(printableText(`A start would hold the mapping as ${reason}: ${detail}.`));
      }
      return explanationJson(await explainOffline(context, outlook, entry.key, NEVER));
    });
  } catch (error) {
    if (!(error instanceof SyncError) || error.code !== 'ARCHIVE_LOCKED') throw error;
    throw new CommandError(EXIT.found, `${error.message} It could not be asked: ${why}`, { cause: error });
  }
}

function outsideScope({ mapping, key }: { readonly mapping: string; readonly key: string }): CommandError {
  const message = `${printableText(JSON.stringify(key))} is outside of what mapping ${mapping} includes (include, exclude): it is left alone`;
  return new CommandError(EXIT.found, message);
}

/** As the admin API answers it. */
function explanationJson({ archive, mark, lastConflict, ...rest }: Explanation): ExplanationAnswer {
  return {
    ...rest,
    archive: archive ?? null,
    mark: mark ?? null,
    lastConflict: lastConflict === undefined ? null : conflictSummaryJson(lastConflict),
  };
}
