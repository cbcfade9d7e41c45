import type { LogFields, Logger } from '../ports/logger.js';
import { printableText } from '../core/printable-text.js';
import type { Terminal } from './terminal.js';

/** What the parts of the daemon warn about while a command uses them, as lines for a person. */
export class WarningLogger implements Logger {
  constructor(
    private readonly terminal: Terminal,
    private readonly fields: LogFields = {},
  ) {}

  isLevelEnabled(): boolean {
    return false;
  }

  debug(): void {
    // Of interest in a daemon's log only.
  }

  info(): void {
    // Of interest in a daemon's log only.
  }

  warn(fields: LogFields, message: string): void {
    this.tell('warning', fields, message);
  }

  error(fields: LogFields, message: string): void {
    this.tell('error', fields, message);
  }

  child(fields: LogFields): Logger {
    return new WarningLogger(this.terminal, { ...this.fields, ...fields });
  }

  private tell(level: string, fields: LogFields, message: string): void {
    const { mapping, path } = { ...this.fields, ...fields };
    const where = mapping === undefined ? '' : ` mapping ${mapping}:`;
    const which = typeof path === 'string' ? ` (${path})` : '';
    this.terminal.note(printableText(`${level}:${where} ${message}${which}`));
  }
}
