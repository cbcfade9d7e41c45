import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { printableText } from '../core/printable-text.js';
import { CommandError, EXIT } from './exit-code.js';
import type { SealLine } from './sealed-writer.js';
import { sealOf } from './sealed-writer.js';

/** How the lines of a kind of file are read. What they throw says what is wrong with the line. */
export interface LineForms<H, I> {
  /** What can't be done with a bad file: `restored`. */
  readonly use: string;
  readonly header: (line: unknown) => H;
  readonly item: (line: unknown, header: H) => I;
}

/** Which file it is, and what tells when it is changed. */
export interface FileState {
  readonly device: bigint;
  readonly inode: bigint;
  readonly bytes: bigint;
  readonly modifiedNs: bigint;
}

/** No line is longer: a value of 1 MiB of characters that are escaped. */
const LINE_BYTES_MAX = 16 * 1024 * 1024;

const sealLine = z.strictObject({ end: z.literal(true), lines: z.int().nonnegative(), digest: z.string() });

/** Reads a file that a `SealedWriter` made, from its first line to its last. */
export class SealedReading<H, I> {
  private readonly hash = createHash('sha256');
  private line = 0;
  private known: H | undefined;
  private seal: SealLine | undefined;
  private found: FileState | undefined;

  /**
   * @param expected as the file was when it was read before: of another one, which somebody has put in its place since, not
   *   one line is used
   */
  constructor(
    private readonly file: string,
    private readonly forms: LineForms<H, I>,
    private readonly expected?: FileState,
  ) {}

  /** Known from the first item on. */
  get header(): H {
    if (this.known === undefined) throw this.fault('it is empty');
    return this.known;
  }

  /** Known at the end. */
  get digest(): string {
    return this.seal?.digest ?? '';
  }

  /** Known from the first item on. */
  get state(): FileState {
    if (this.found === undefined) throw this.fault('it is empty');
    return this.found;
  }

  /** @throws CommandError that names the line; at the latest at the end, where the file was cut or altered */
  async *items(): AsyncGenerator<I> {
    for await (const bytes of this.lines()) {
      this.line++;
      if (this.seal !== undefined) throw this.faultAt('something follows the last line');
      const read = this.read(bytes);
      if (read !== undefined) yield read.item;
    }
    if (this.line === 0) throw this.fault('it is empty');
    if (this.seal === undefined) throw this.fault(`it is cut: there is no last line after line ${this.line}`);
  }

  private read(bytes: Buffer): { readonly item: I } | undefined {
    try {
      const parsed = parseJson(bytes.toString('utf8'));
      const isSeal = typeof parsed === 'object' && parsed !== null && 'end' in parsed;
      if (this.known !== undefined && isSeal) {
        this.seal = this.checkedSeal(checked(sealLine, parsed));
        return undefined;
      }
      const item = this.known === undefined ? undefined : { item: this.forms.item(parsed, this.known) };
      if (item === undefined) this.known = this.forms.header(parsed);
      this.hash.update(bytes).update('\n');
      return item;
    } catch (error) {
      throw this.faultAt(error instanceof Error ? error.message : String(error));
    }
  }

  private checkedSeal(seal: SealLine): SealLine {
    const lines = this.line - 2;
    if (seal.lines !== lines)
      throw new Error(`lines: it tells of ${seal.lines} lines, and there are ${lines}`);
    if (seal.digest !== sealOf(this.hash)) throw new Error('digest: what stands before it was altered');
    return seal;
  }

  /** Lines without their ends. */
  private async *lines(): AsyncGenerator<Buffer> {
    let rest = Buffer.alloc(0);
    let handle: FileHandle | undefined;
    try {
      handle = await open(this.file);
      this.found = await stateOf(handle);
      if (this.expected !== undefined && !isDeepStrictEqual(this.found, this.expected))
        throw this.fault('it was changed since it was shown');
      const chunks = handle.createReadStream({ autoClose: false }) as AsyncIterable<Buffer>;
      for await (const chunk of chunks) {
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
    } finally {
      await handle?.close();
    }
    if (rest.length > 0) throw this.fault(`it is cut: line ${this.line + 1} has no end`);
  }

  private faultAt(what: string): CommandError {
    return this.fault(`line ${this.line}: ${what}`);
  }

  private fault(what: string): CommandError {
    return new CommandError(EXIT.found, `${this.file} can't be ${this.forms.use}: ${printableText(what)}`);
  }
}

async function stateOf(handle: FileHandle): Promise<FileState> {
  const { dev, ino, size, mtimeNs } = await handle.stat({ bigint: true });
  return { device: dev, inode: ino, bytes: size, modifiedNs: mtimeNs };
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new Error('it is no JSON');
  }
}

/** @throws Error with the first thing that is wrong */
export function checked<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const path = issue?.path.join('.') ?? '';
  throw new Error(`${path === '' ? '' : `${path}: `}${issue?.message ?? 'it has another form'}`);
}

/**
 * The format's number, which the header has under the name of the kind of file.
 * @throws Error where there is none, or one that this version does not know
 */
export function requireFormat(line: unknown, kind: string, known: number): void {
  const version = z.looseObject({ [kind]: z.number() }).safeParse(line).data?.[kind];
  if (typeof version !== 'number') throw new Error(`it does not begin with the header of a ${kind}`);
  if (version > known) {
    throw new Error(`it has format ${version}, which a newer version made; this one knows ${known}`);
  }
}
