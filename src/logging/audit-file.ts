import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import type { Audit, AuditedContent, AuditedWrite } from '../ports/audit.js';
import type { Logger } from '../ports/logger.js';
import type { AuditStatus } from '../ports/status.js';

/** Lines that wait for the disk; what comes while there are so many is lost, and counted. */
const WAITING_BYTES_MAX = 8 * 1024 * 1024;
const RETRY_MS = 5_000;
/** How long an end waits for what is still to be written. */
const CLOSE_TIMEOUT_MS = 1_000;
const LINE_END = Buffer.from('\n');

/**
 * The audit log: one line of JSON for each write, appended to a file. A file that can't be written never holds up the
 * daemon: lines wait in bounded memory, are written later, or counted as lost.
 */
export class AuditFile implements Audit {
  #file: string | undefined;
  #handle: FileHandle | undefined;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #problem: string | undefined;
  #lost = 0;
  #isToReopen = false;
  /** The last that was written is a part of a line, whose rest waits. */
  #isWithinLine = false;
  #writing: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  readonly #logger: Logger;

  constructor(file: string | undefined, logger: Logger) {
    this.#file = file;
    this.#logger = logger;
  }

  get isOn(): boolean {
    return this.#file !== undefined;
  }

  get state(): AuditStatus | undefined {
    return this.#file === undefined
      ? undefined
      : { file: this.#file, problem: this.#problem, lost: this.#lost };
  }

  written(write: AuditedWrite): void {
    if (this.#file === undefined) return;
    const line = Buffer.from(`${JSON.stringify(plainWrite(write))}\n`);
    if (this.#waitingBytes + line.length > WAITING_BYTES_MAX) {
      if (this.#lost++ === 0) this.#logger.error({ file: this.#file }, 'lines of the audit log are lost');
      return;
    }
    this.#waiting.push(line);
    this.#waitingBytes += line.length;
    this.#write();
  }

  /** Whoever has moved the file away (logrotate) finds a new one in its place from now on. */
  reopen(file = this.#file): void {
    this.#file = file;
    this.#isToReopen = true;
    this.#write();
  }

  /** Writes what waits, for a bounded time. */
  async close(): Promise<void> {
    // The last try comes now.
    clearTimeout(this.#retry);
    this.#retry = undefined;
    const ended = (async () => {
      this.#write();
      while (this.#writing !== undefined) await this.#writing;
    })();
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((resolve) => (timer = setTimeout(resolve, CLOSE_TIMEOUT_MS)));
    await Promise.race([ended, timeout]);
    clearTimeout(timer);
    clearTimeout(this.#retry);
    await this.#handle?.close().catch(() => undefined);
    if (this.#waiting.length > 0) {
      this.#logger.error(
        { file: this.#file, lost: this.#waiting.length },
        'the end of the audit log is lost',
      );
    }
  }

  #write(): void {
    if (this.#writing !== undefined || this.#retry !== undefined) return;
    this.#writing = this.#writeAll().finally(() => (this.#writing = undefined));
  }

  async #writeAll(): Promise<void> {
    try {
      while (this.#waiting.length > 0 || this.#isToReopen) await this.#writeSome();
    } catch (error) {
      this.#failed(error);
    }
  }

  async #writeSome(): Promise<void> {
    if (this.#isToReopen) {
      this.#isToReopen = false;
      const former = this.#handle;
      this.#handle = undefined;
      await former?.close();
    }
    if (this.#file === undefined) {
      this.#waiting = [];
      this.#waitingBytes = 0;
      return;
    }
    this.#handle ??= await this.#open(this.#file);
    const all = Buffer.concat(this.#waiting);
    this.#waiting = all.length === 0 ? [] : [all];
    if (all.length > 0) await this.#append(this.#handle, all);
    if (this.#problem !== undefined)
      this.#logger.info({ file: this.#file }, 'the audit log is written again');
    this.#problem = undefined;
  }

  /** What was cut, when a process was killed or a disk was full, must not spoil the line that follows it. */
  async #open(file: string): Promise<FileHandle> {
    const handle = await open(file, 'a+', 0o640);
    if (!this.#isWithinLine && (await endsWithinLine(handle))) {
      this.#waiting.unshift(LINE_END);
      this.#waitingBytes += LINE_END.length;
    }
    return handle;
  }

  /** A disk that is full takes a part: what follows goes on where it ended. */
  async #append(handle: FileHandle, all: Buffer): Promise<void> {
    const { bytesWritten } = await handle.write(all);
    const [, ...since] = this.#waiting;
    const rest = all.subarray(bytesWritten);
    this.#waiting = rest.length === 0 ? since : [rest, ...since];
    this.#waitingBytes -= bytesWritten;
    this.#isWithinLine = rest.length > 0 && all[bytesWritten - 1] !== LINE_END[0];
  }

  #failed(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    if (this.#problem !== message) {
      const advice = 'the daemon goes on without it, and tries again';
      this.#logger.error(
        { err: error, file: this.#file },
        `the audit log can't be written: ${message}; ${advice}`,
      );
    }
    this.#problem = message;
    this.#isToReopen = true;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#write();
    }, RETRY_MS).unref();
  }
}

async function endsWithinLine(handle: FileHandle): Promise<boolean> {
  const stat = await handle.stat();
  if (!stat.isFile() || stat.size === 0) return false;
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, stat.size - 1);
  return !buffer.equals(LINE_END);
}

function plainWrite({ atMs, before, after, ...write }: AuditedWrite) {
  const { mapping, key, replica, operation, origin, reason, result } = write;
  const told = { mapping, key, replica, operation, origin, reason, result };
  return { time: new Date(atMs).toISOString(), ...told, before: plain(before), after: plain(after) };
}

/** Numbers of 64 bits go as texts: JSON's lose bits above 2^53. */
function plain(content: AuditedContent | undefined) {
  if (content === undefined) return null;
  const { version, bytes, digest } = content;
  const numbers = version && {
    modified: String(version.modified),
    created: String(version.created),
    revision: version.revision,
  };
  return { version: numbers ?? null, bytes, digest };
}
