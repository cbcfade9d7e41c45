import type { Clock } from '../ports/clock.js';
import type { DaemonControl } from '../ports/control.js';
import type { Logger } from '../ports/logger.js';
import { NotifySocket } from './notify-socket.js';
import { statusLine } from './status-line.js';

/** How often the status is looked at where no watchdog asks for more. */
const STATUS_EVERY_MS = 15_000;
const MICROSECONDS_PER_MS = 1_000;

type Environment = Readonly<Record<string, string | undefined>>;

/** Where assignments go; a `NotifySocket`. */
export interface Receiver {
  send(assignments: readonly string[]): Promise<void>;
}

export interface SupervisedOptions {
  /** Undefined when nobody listens. */
  readonly receiver: Receiver | undefined;
  /** Within which time systemd wants to hear of the daemon; undefined when it has no watchdog. */
  readonly watchdogMs: number | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Tells systemd how the daemon does: when it is up, that its loops turn, when it reads its configuration again, when it
 * ends, and its status in one line (sd_notify(3)). Nothing here ever fails: a message that can't be sent is logged, and
 * what follows from it is systemd's.
 */
export class Supervised {
  private phase: 'ready-untold' | 'ready' | 'reloading' = 'ready-untold';
  private lastStatus: string | undefined;
  private isHeard = true;

  constructor(private readonly options: SupervisedOptions) {}

  /** Does nothing unless systemd started this process as a service of `Type=notify`. */
  static by(environment: Environment, clock: Clock, logger: Logger): Supervised {
    const { NOTIFY_SOCKET: address = '', PATH: searchPath } = environment;
    const receiver = address === '' ? undefined : new NotifySocket(address, searchPath);
    return new Supervised({ receiver, watchdogMs: watchdogMsOf(environment), clock, logger });
  }

  /** Says that the daemon is up, and then that it is alive, until `signal` aborts. */
  async report(daemon: DaemonControl, signal: AbortSignal): Promise<void> {
    if (this.options.receiver === undefined) return;
    const { watchdogMs, clock } = this.options;
    // systemd's own advice: half of the time, so that one message may be late.
    const everyMs = watchdogMs === undefined ? STATUS_EVERY_MS : watchdogMs / 2;
    while (!signal.aborted) {
      const assignments = [...this.readiness(), ...this.pulseOf(daemon), ...this.statusOf(daemon)];
      const isHeard = assignments.length === 0 || (await this.send(assignments));
      await clock.sleep(isHeard ? everyMs : everyMs / 4, signal);
    }
  }

  /** Says that the configuration is read again while `reload` runs. */
  async reloading(reload: () => Promise<void>): Promise<void> {
    // The clock that systemd counts in as well: it tells this reload from one that was ordered later (Type=notify-reload).
    const monotonicUsec = process.hrtime.bigint() / 1_000n;
    this.phase = 'reloading';
    await this.send(['RELOADING=1', `MONOTONIC_USEC=${monotonicUsec}`]);
    try {
      await reload();
    } finally {
      this.phase = 'ready-untold';
      await this.send(this.readiness());
    }
  }

  /** Says that the daemon is ending. */
  async stopping(): Promise<void> {
    await this.send(['STOPPING=1', 'STATUS=Finishing what is in flight']);
  }

  /** Said until it is heard: systemd waits for it. */
  private readiness(): string[] {
    return this.phase === 'ready-untold' ? ['READY=1'] : [];
  }

  /** Silence, where loops stand still, is what has systemd end the process and start it again. */
  private pulseOf(daemon: DaemonControl): string[] {
    if (this.options.watchdogMs === undefined) return [];
    if (daemon.alive()) return ['WATCHDOG=1'];
    this.options.logger.error(
      { component: 'systemd' },
      'A loop has stood still for a minute. systemd is not told that all is well, and will start the daemon again.',
    );
    return [];
  }

  /** Only what is new. */
  private statusOf(daemon: DaemonControl): string[] {
    const status = statusLine(daemon.status());
    if (status === this.lastStatus) return [];
    this.lastStatus = status;
    return [`STATUS=${status}`];
  }

  private async send(assignments: readonly string[]): Promise<boolean> {
    const { receiver, logger } = this.options;
    try {
      await receiver?.send(assignments);
      this.isHeard = true;
      if (assignments[0] === 'READY=1' && this.phase === 'ready-untold') this.phase = 'ready';
      return true;
    } catch (error) {
      this.lastStatus = undefined;
      // Once for each time that it begins, and not four times a minute.
      if (this.isHeard) {
        logger.error(
          { component: 'systemd', err: error },
          `systemd could not be told ${assignments[0] ?? ''} through systemd-notify. It may take the daemon for dead: ` +
            'is the program there, and has the unit NotifyAccess=all?',
        );
      }
      this.isHeard = false;
      return false;
    }
  }
}

/** The variables mean this very process only if `WATCHDOG_PID` says so: a parent may have left them behind. */
function watchdogMsOf(environment: Environment): number | undefined {
  const { WATCHDOG_USEC: usecText = '', WATCHDOG_PID: pid } = environment;
  const usec = Number(usecText);
  const isMeant = pid === undefined || pid === String(process.pid);
  return isMeant && Number.isSafeInteger(usec) && usec > 0 ? usec / MICROSECONDS_PER_MS : undefined;
}
