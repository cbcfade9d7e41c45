import { loadConfig } from '../../config/load-config.js';
import { redactedConfig } from '../../config/redacted-config.js';
import type { Config } from '../../config/schema.js';
import type { Environment } from '../../config/variables.js';
import { Daemon } from '../../daemon/daemon.js';
import { systemClock } from '../../daemon/system.js';
import { createLogger } from '../../logging/logger.js';
import type { Logger } from '../../ports/logger.js';
import { Supervised } from '../../systemd/supervised.js';
import type { ExitCode } from '../exit-code.js';
import { EXIT } from '../exit-code.js';
import { ConfigReloader, logNotes } from './config-reloader.js';
import { keepHeapSmall } from './heap-growth.js';
import { ReloadableLogger } from './reloadable-logger.js';
import { WatchedFile } from './watched-file.js';

/** Supervisors kill what has not ended 10 s after SIGTERM, or are told to wait for that long. */
const STOP_TIMEOUT_MS = 9_500;
const TELL_TIMEOUT_MS = 2_000;

/**
 * The command `run`: the daemon in the foreground, until a signal ends it.
 *
 * SIGTERM and SIGINT end it within 10 s, a second one at once; SIGHUP has it read the configuration again.
 * @throws ConfigurationError, or SyncError when it can't start
 */
export async function runDaemon(file: string, environment: Environment): Promise<ExitCode> {
  keepHeapSmall();
  const watched = new WatchedFile(file);
  await watched.remember();
  const config = await loadConfig(file, environment);
  const logger = ReloadableLogger.over(createLogger(config.log));
  endOnFault(logger);
  const stopping = endOnSignal(logger);
  logger.debug({ file, config: redactedConfig(config) }, 'starting');
  await logNotes(logger, config, file);

  const starting = Daemon.start(config, logger);
  const apply = async (changed: Config) => {
    const changes = await (await starting).reload(changed);
    if (changes.sections.includes('log')) logger.replace(createLogger(changed.log));
    return changes;
  };
  const load = () => loadConfig(file, environment);
  const supervised = Supervised.by(environment, systemClock, logger);
  const announced = (reload: () => Promise<void>) => supervised.reloading(reload);
  const reloader = new ConfigReloader({ file: watched, load, apply, announced, logger, clock: systemClock });
  process.on('SIGHUP', () => {
    reloader.ask();
    // Whether or not the configuration is valid: the files may have been moved away.
    starting.then(
      (daemon) => daemon.reopenFiles(),
      () => undefined,
    );
  });
  const daemon = await starting;
  void supervised.report(daemon, stopping);
  // Ends when the signal has come, and not in the middle of a reload: nothing is to start again behind a stop.
  await reloader.run(stopping);
  const told = supervised.stopping();
  await daemon.stop();
  // It may wait behind a message that is on its way; a systemd that does not listen is not waited for.
  await Promise.race([told, systemClock.sleep(TELL_TIMEOUT_MS, new AbortController().signal)]);
  return EXIT.done;
}

/** @returns what aborts at the first signal */
function endOnSignal(logger: Logger): AbortSignal {
  const stopping = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.on(name, () => {
      if (stopping.signal.aborted) {
        logger.warn({ signal: name }, 'Asked again to stop: ending at once.');
        process.exit(EXIT.found);
      }
      logger.info({ signal: name }, 'Stopping: finishing what is in flight.');
      stopping.abort();
      setTimeout(() => endUnfinished(logger), STOP_TIMEOUT_MS);
    });
  }
  return stopping.signal;
}

/** What is cut off by the deadline is as safe as with `kill -9`: the next start looks again. */
function endUnfinished(logger: Logger): never {
  logger.warn(
    {},
    `Not all that was in flight came to an end within ${STOP_TIMEOUT_MS} ms: ending without it.`,
  );
  process.exit(EXIT.done);
}

/** A fault that nobody foresaw leaves a state that nobody knows. The next start continues from what is durable. */
function endOnFault(logger: Logger): void {
  const end = (error: unknown): void => {
    try {
      logger.error({ err: error }, 'An unforeseen fault: ending, to be started again.');
    } finally {
      process.exit(EXIT.found);
    }
  };
  process.on('uncaughtException', end);
  process.on('unhandledRejection', end);
}
