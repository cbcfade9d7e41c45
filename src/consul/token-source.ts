import { readFile, stat } from 'node:fs/promises';
import { ConsulError } from './consul-errors.js';

export interface TokenOptions {
  readonly token?: string | undefined;
  /** A file holding the token alone; read again whenever it changes. Wins over `token`. */
  readonly tokenFile?: string | undefined;
}

/** How often, at most, a token file is looked at. */
const CHECK_EVERY_MS = 1_000;

/** The ACL token to send: a fixed one, or what a file holds now, so that a rotated token needs no restart. */
export class TokenSource {
  readonly #file: string | undefined;
  #token: string | undefined;
  #fingerprint = '';
  #checkedAtMs = -Infinity;
  #checking: Promise<void> | undefined;

  constructor(options: TokenOptions) {
    this.#file = options.tokenFile;
    this.#token = options.tokenFile === undefined ? options.token?.trim() || undefined : undefined;
  }

  /**
   * The token to send now, or undefined to send none. A file that is missing or empty for a moment, as while it is being
   * replaced, leaves the last token in force.
   * @throws ConsulError `STORE_AUTH_FAILED` when the file never gave one
   */
  async current(): Promise<string | undefined> {
    if (this.#file === undefined) return this.#token;
    if (performance.now() - this.#checkedAtMs >= CHECK_EVERY_MS) {
      this.#checking ??= this.#check(this.#file).finally(() => {
        this.#checking = undefined;
        this.#checkedAtMs = performance.now();
      });
      await this.#checking;
    }
    return this.#token;
  }

  async #check(file: string): Promise<void> {
    try {
      // Kubernetes replaces a mounted secret by moving a link, which may leave the time as it was but not the inode.
      const { mtimeMs, size, ino } = await stat(file);
      const fingerprint = `${mtimeMs}/${size}/${ino}`;
      if (fingerprint === this.#fingerprint) return;
      const token = (await readFile(file, 'utf8')).trim();
      if (token === '') throw new Error('the file is empty');
      this.#token = token;
      this.#fingerprint = fingerprint;
    } catch (cause) {
      if (this.#token !== undefined) return;
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new ConsulError(
        'STORE_AUTH_FAILED',
        `no Consul token from ${file}: ${why}. Write the token into that file, readable by this process`,
        true,
        true,
        { cause },
      );
    }
  }
}
