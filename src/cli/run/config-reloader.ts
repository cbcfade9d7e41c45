import type { ConfigChanges } from '../../config/config-changes.js';
import { configNotes } from '../../config/config-notes.js';
import { ConfigurationError, describeProblem } from '../../config/problem.js';
import type { Config } from '../../config/schema.js';
import { exposedFiles } from '../../daemon/exposed-files.js';
import type { Clock } from '../../ports/clock.js';
import type { Logger } from '../../ports/logger.js';
import type { WatchedFile } from './watched-file.js';

/** How often the file is looked at: a mounted ConfigMap itself follows its source within a minute. */
const LOOK_EVERY_MS = 10_000;

export interface ReloaderOptions {
  readonly file: WatchedFile;
  /** Reads the file anew. @throws ConfigurationError */
  readonly load: () => Promise<Config>;
  /** Puts a configuration into force, and tells what that changed. */
  readonly apply: (config: Config) => Promise<ConfigChanges>;
  /** Runs each reload, and may tell of it. */
  readonly announced?: (reload: () => Promise<void>) => Promise<void>;
  readonly logger: Logger;
  readonly clock: Clock;
}

/**
 * Puts the configuration into force again when it is asked to, or when the file has changed. A file that can't be used
 * leaves everything as it is.
 */
export class ConfigReloader {
  private isAsked = false;
  private waking = new AbortController();

  constructor(private readonly options: ReloaderOptions) {}

  /** Reloads as soon as a reload that is under way has ended, whether or not the file has changed. */
  ask(): void {
    this.isAsked = true;
    this.waking.abort();
  }

  /** Resolves when `signal` has aborted and no reload is under way. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (await this.isDue()) await this.announcedReload();
      else await this.options.clock.sleep(LOOK_EVERY_MS, AbortSignal.any([signal, this.waking.signal]));
    }
  }

  private async isDue(): Promise<boolean> {
    if (!this.isAsked) return this.options.file.hasChanged();
    this.isAsked = false;
    this.waking = new AbortController();
    await this.options.file.remember();
    return true;
  }

  private async announcedReload(): Promise<void> {
    const reload = (): Promise<void> => this.reload();
    await (this.options.announced?.(reload) ?? reload());
  }

  private async reload(): Promise<void> {
    const { file, load, apply, logger } = this.options;
    try {
      const config = await load();
      const changes = await apply(config);
      logChanges(logger, file.path, changes);
      await logNotes(logger, config, file.path);
    } catch (error) {
      if (error instanceof ConfigurationError) logProblems(logger, error);
      else logger.error({ err: error, file: file.path }, 'The configuration could not be put into force.');
    }
  }
}

/** What is valid, and may not do what its author meant, or is open to others. */
export async function logNotes(logger: Logger, config: Config, file: string): Promise<void> {
  const notes = [...configNotes(config), ...(await exposedFiles(config, file))];
  for (const { path, message } of notes) logger.warn({ setting: path }, `${path}: ${message}`);
}

function logProblems(logger: Logger, { file, problems }: ConfigurationError): void {
  for (const problem of problems) {
    const { line, column, path } = problem;
    logger.error({ file, line, column, setting: path }, describeProblem(file, problem));
  }
  logger.error({ file }, `The new configuration can't be used. The one before stays in force.`);
}

function logChanges(logger: Logger, file: string, changes: ConfigChanges): void {
  const { added, removed, changed, sections, needRestart } = changes;
  const isSame = [added, removed, changed, sections, needRestart].every((list) => list.length === 0);
  const message = isSame
    ? 'The configuration was read again: nothing has changed.'
    : 'The configuration was read again.';
  logger.info({ file, added, removed, changed, sections }, message);
  if (needRestart.length > 0) {
    logger.warn({ file, needRestart }, `Takes effect only after a restart: ${needRestart.join(', ')}.`);
  }
}
