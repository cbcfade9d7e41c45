import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const PROGRAM = 'systemd-notify';
/** It waits for systemd to have taken the message, for up to 5 s by itself. */
const SEND_TIMEOUT_MS = 8_000;

/**
 * The socket on which systemd listens to what it has started (sd_notify(3)).
 *
 * It is a Unix datagram socket, and Node can't open one. Of the ways around, systemd's own program is taken, a process
 * every quarter of a minute: it is there wherever systemd is, speaks every kind of address (paths, `@abstract`, vsock),
 * and waits until systemd has taken the message, which has to find out whom it came from before the sender is gone.
 * npm's packages for it are native, build at installation or are no longer kept, and would run inside of a process that
 * must not fall over. Needs `NotifyAccess=all` in the unit, since it is not the daemon itself that sends.
 */
export class NotifySocket {
  private last: Promise<unknown> = Promise.resolve();

  /** @param address as `NOTIFY_SOCKET` has it */
  constructor(
    private readonly address: string,
    private readonly searchPath: string | undefined,
  ) {}

  /**
   * Sends `NAME=VALUE` assignments in one datagram, behind those that were sent before.
   * @throws Error that says why it could not be sent
   */
  async send(assignments: readonly string[]): Promise<void> {
    const sending = this.last.then(() => this.sendNow(assignments));
    this.last = sending.catch(() => undefined);
    await sending;
  }

  private async sendNow(assignments: readonly string[]): Promise<void> {
    // Nothing else of the environment: it holds secrets.
    const env = { NOTIFY_SOCKET: this.address, PATH: this.searchPath };
    await promisify(execFile)(PROGRAM, [...assignments], {
      env,
      timeout: SEND_TIMEOUT_MS,
      killSignal: 'SIGKILL',
    });
  }
}
