import { ReplicaError } from '../../src/ports/errors.js';
import type { Logger, LogFields } from '../../src/ports/logger.js';
import type { MappingMetrics } from '../../src/ports/metrics.js';
import type { TraceLog } from './trace-log.js';

export interface SimulatedLoggerOptions {
  readonly name: string;
  readonly trace: TraceLog;
  readonly isDead: () => boolean;
  /** Called with errors that are not the stores', and so the daemon's own. */
  readonly complained: (complaint: string) => void;
  /** Errors that have to be told, and are nobody's fault. */
  readonly isExpected: (fields: LogFields) => boolean;
}

export function simulatedLogger(options: SimulatedLoggerOptions): Logger {
  const { name, trace, isDead, complained, isExpected } = options;
  const say = (level: string, fields: LogFields, message: string): void => {
    if (!isDead()) trace.remark(() => `${name} ${level}: ${message} ${describe(fields)}`);
  };
  const logger: Logger = {
    isLevelEnabled: () => true,
    debug: (fields, message) => say('debug', fields, message),
    info: (fields, message) => say('info', fields, message),
    warn: (fields, message) => say('warn', fields, message),
    error: (fields, message) => {
      say('error', fields, message);
      if (isDead() || fields.err instanceof ReplicaError || isExpected(fields)) return;
      const stack = fields.err instanceof Error ? (fields.err.stack ?? '') : '';
      complained(`${message} ${stack}`);
    },
    child: () => logger,
  };
  return logger;
}

function describe(fields: LogFields): string {
  return JSON.stringify(fields, (name, value: unknown) => {
    if (name === 'err') return value instanceof Error ? value.message : undefined;
    return typeof value === 'bigint' ? String(value) : value;
  });
}

function nothing(): void {
  // What is counted is counted by whoever looks from outside.
}

export const NO_METRICS: MappingMetrics = {
  write: nothing,
  batch: nothing,
  echoes: nothing,
  conflict: nothing,
  rescan: nothing,
  clientChange: nothing,
  propagated: nothing,
  reconciled: nothing,
};
