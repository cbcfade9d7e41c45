import { createHash, randomUUID } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CommandError, EXIT } from './exit-code.js';
import type { Terminal } from './terminal.js';
import { jsonText } from './terminal.js';

/** Where the lines go. */
interface LineSink {
  write(text: string): Promise<void>;
  /** All is there: puts it in its place. */
  finish(): Promise<void>;
  /** Leaves nothing behind. */
  abandon(): Promise<void>;
}

/** The last line of a file of sealed lines: whoever cuts or alters the file is found out by it. */
export interface SealLine {
  readonly end: true;
  /** Lines between the first one and this one. */
  readonly lines: number;
  /** Of all that stands before this line. */
  readonly digest: string;
}

/**
 * Writes a file of JSON lines: a header, any number of lines, and a last one that seals them. Nothing stands at its place
 * before the last line is on the disk.
 */
export class SealedWriter {
  private readonly hash = createHash('sha256');
  private lines = 0;

  private constructor(private readonly sink: LineSink) {}

  /**
   * @param file `-` for standard output
   * @throws CommandError when the file can't be made
   */
  static async begin(file: string, terminal: Terminal): Promise<SealedWriter> {
    return new SealedWriter(file === '-' ? new OutputSink(terminal) : await FileSink.create(file));
  }

  async header(header: object): Promise<void> {
    await this.write([header]);
  }

  async add(lines: readonly object[]): Promise<void> {
    if (lines.length === 0) return;
    this.lines += lines.length;
    await this.write(lines);
  }

  /** @returns the digest that the last line tells */
  async end(): Promise<string> {
    const seal: SealLine = { end: true, lines: this.lines, digest: sealOf(this.hash) };
    await this.sink.write(`${jsonText(seal)}\n`);
    await this.sink.finish();
    return seal.digest;
  }

  async abandon(): Promise<void> {
    await this.sink.abandon();
  }

  private async write(lines: readonly object[]): Promise<void> {
    const text = lines.map((line) => `${jsonText(line)}\n`).join('');
    this.hash.update(text);
    await this.sink.write(text);
  }
}

export function sealOf(hash: ReturnType<typeof createHash>): string {
  return `sha256:${hash.digest('hex')}`;
}

class OutputSink implements LineSink {
  constructor(private readonly terminal: Terminal) {}

  async write(text: string): Promise<void> {
    this.terminal.write(text);
  }

  async finish(): Promise<void> {
    // What was written is out of our hands.
  }

  async abandon(): Promise<void> {
    // Without its last line, nobody takes it for whole.
  }
}

/** Values are nobody else's business. */
const OWNER_ONLY = 0o600;

/** A file beside the one that is to be, which takes its place at the end. */
class FileSink implements LineSink {
  private constructor(
    private readonly file: string,
    private readonly partial: string,
    private readonly handle: FileHandle,
  ) {}

  static async create(file: string): Promise<FileSink> {
    const partial = `${file}.${randomUUID().slice(0, 8)}.partial`;
    try {
      return new FileSink(file, partial, await open(partial, 'wx', OWNER_ONLY));
    } catch (error) {
      throw new CommandError(EXIT.usage, `${partial} can't be made: ${reasonOf(error)}`, { cause: error });
    }
  }

  async write(text: string): Promise<void> {
    await this.orTell('written', () => this.handle.appendFile(text));
  }

  async finish(): Promise<void> {
    await this.orTell('put in its place', async () => {
      await this.handle.sync();
      await this.handle.close();
      await rename(this.partial, this.file);
      const directory = await open(dirname(this.file), 'r');
      await directory.sync().finally(() => directory.close());
    });
  }

  async abandon(): Promise<void> {
    await this.handle.close().catch(() => undefined);
    await rm(this.partial, { force: true });
  }

  private async orTell(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const message = `${this.partial} can't be ${what}: ${reasonOf(error)}. There is no such file now`;
      throw new CommandError(EXIT.found, message, { cause: error });
    }
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
