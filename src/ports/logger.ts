/**
 * The daemon's log, as everything but the composition sees it. Messages are whole sentences for the person on call;
 * what a machine would search for goes into `fields`. An error goes into `fields.err`. Never log values or secrets.
 */
export interface Logger {
  /** Whether messages of that level go anywhere: of each single entry, they are not even made otherwise. */
  isLevelEnabled(level: 'debug'): boolean;
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  /** A logger that adds `fields` to each of its lines. */
  child(fields: LogFields): Logger;
}

export interface LogFields {
  /** The part of the daemon that speaks: `zookeeper`, `consul`, `sync`, `admin`. */
  readonly component?: string;
  readonly mapping?: string;
  readonly err?: unknown;
  readonly [name: string]: unknown;
}
