import type { LogFields, Logger } from '../../ports/logger.js';

/** A logger whose destination, level and format can be replaced while it is in use, for all its children too. */
export class ReloadableLogger implements Logger {
  private constructor(
    private readonly holder: { logger: Logger },
    private readonly fields: LogFields,
  ) {}

  static over(logger: Logger): ReloadableLogger {
    return new ReloadableLogger({ logger }, {});
  }

  replace(logger: Logger): void {
    this.holder.logger = logger;
  }

  isLevelEnabled(level: 'debug'): boolean {
    return this.holder.logger.isLevelEnabled(level);
  }

  debug(fields: LogFields, message: string): void {
    this.holder.logger.debug({ ...this.fields, ...fields }, message);
  }

  info(fields: LogFields, message: string): void {
    this.holder.logger.info({ ...this.fields, ...fields }, message);
  }

  warn(fields: LogFields, message: string): void {
    this.holder.logger.warn({ ...this.fields, ...fields }, message);
  }

  error(fields: LogFields, message: string): void {
    this.holder.logger.error({ ...this.fields, ...fields }, message);
  }

  child(fields: LogFields): Logger {
    return new ReloadableLogger(this.holder, { ...this.fields, ...fields });
  }
}
