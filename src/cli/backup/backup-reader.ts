import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { printableText } from '../../core/printable-text.js';
import { CommandError, EXIT } from '../exit-code.js';
import type { BackupEnd, BackupHeader, BackupItem } from './backup-format.js';
import { decodeHeader, decodeItem } from './backup-format.js';
import { backupDigest } from './backup-writer.js';

/** What a backup was found to hold. */
export interface BackupContents {
  readonly header: BackupHeader;
  /** Of each mapping, by its name. */
  readonly counts: ReadonlyMap<string, BackupCounts>;
  readonly digest: string;
}

export interface BackupCounts {
  readonly entries: number;
  readonly unread: number;
}

/** No entry's line is longer: a value of 1 MiB of characters that are escaped. */
const LINE_BYTES_MAX = 16 * 1024 * 1024;

/**
 * Reads a backup from its first line to its last, so that nothing is done with one that is cut or altered.
 * @throws CommandError that names the line
 */
export async function verifyBackup(file: string): Promise<BackupContents> {
  const reading = new BackupReading(file);
  const counts = new Map<string, { entries: number; unread: number }>();
  for await (const item of reading.items()) {
    const of = counts.get(item.mapping) ?? { entries: 0, unread: 0 };
    counts.set(item.mapping, of);
    if ('unread' in item) of.unread++;
    else of.entries++;
  }
  const { header, digest } = reading;
  return { header, digest, counts };
}

/** Gives the entries of a backup one after the other. @throws CommandError as `verifyBackup`, at the latest at the end */
export function readBackup(file: string): AsyncGenerator<BackupItem> {
  return new BackupReading(file).items();
}

class BackupReading {
  private readonly hash = createHash('sha256');
  private line = 0;
  private known: BackupHeader | undefined;
  private end: BackupEnd | undefined;

  constructor(private readonly file: string) {}

  get header(): BackupHeader {
    if (this.known === undefined) throw this.fault('it is empty');
    return this.known;
  }

  get digest(): string {
    return this.end?.digest ?? '';
  }

  async *items(): AsyncGenerator<BackupItem> {
    for await (const bytes of this.lines()) {
      this.line++;
      if (this.end !== undefined) throw this.faultAt('something follows the last line');
      const item = this.decode(bytes);
      if (item === undefined) continue;
      if ('end' in item) this.end = this.checkedEnd(item);
      else yield item;
    }
    if (this.line === 0) throw this.fault('it is empty');
    if (this.end === undefined) throw this.fault(`it is cut: there is no last line after line ${this.line}`);
  }

  private decode(bytes: Buffer): BackupItem | BackupEnd | undefined {
    const text = bytes.toString('utf8');
    try {
      const item = this.known === undefined ? undefined : decodeItem(text);
      if (item === undefined) this.known = decodeHeader(text);
      if (item !== undefined && 'mapping' in item) this.requireKnown(item.mapping);
      if (item === undefined || !('end' in item)) this.hash.update(bytes).update('\n');
      return item;
    } catch (error) {
      throw this.faultAt(error instanceof Error ? error.message : String(error));
    }
  }

  private requireKnown(mapping: string): void {
    if (this.header.mappings.some(({ name }) => name === mapping)) return;
    throw new Error(`mapping: the header does not name ${JSON.stringify(mapping)}`);
  }

  private checkedEnd(end: BackupEnd): BackupEnd {
    const lines = this.line - 2;
    if (end.lines !== lines)
      throw this.faultAt(`lines: it tells of ${end.lines} lines, and there are ${lines}`);
    const digest = backupDigest(this.hash);
    if (end.digest !== digest) throw this.faultAt('digest: what stands before it was altered');
    return end;
  }

  /** Lines without their ends. */
  private async *lines(): AsyncGenerator<Buffer> {
    let rest = Buffer.alloc(0);
    try {
      for await (const chunk of createReadStream(this.file) as AsyncIterable<Buffer>) {
        rest = Buffer.concat([rest, chunk]);
        let from = 0;
        for (let at = rest.indexOf(10); at >= 0; at = rest.indexOf(10, from)) {
          yield rest.subarray(from, at);
          from = at + 1;
        }
        rest = rest.subarray(from);
        if (rest.length > LINE_BYTES_MAX) throw this.fault(`line ${this.line + 1} has no end`);
      }
    } catch (error) {
      if (error instanceof CommandError) throw error;
      throw this.fault(error instanceof Error ? error.message : String(error));
    }
    if (rest.length > 0) throw this.fault(`it is cut: line ${this.line + 1} has no end`);
  }

  private faultAt(what: string): CommandError {
    return this.fault(`line ${this.line}: ${what}`);
  }

  private fault(what: string): CommandError {
    return new CommandError(EXIT.found, `${this.file} can't be restored: ${printableText(what)}`);
  }
}
