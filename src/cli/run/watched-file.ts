import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';

/** Larger files are no configuration, and are not read to be compared. */
const FILE_BYTES_MAX = 1024 * 1024;

/**
 * Tells whether a file has other content than when it was last read. Asked again and again instead of told by the
 * system: Kubernetes replaces a ConfigMap by swapping a symlink two levels above the file, which watches of the file
 * miss, and network file systems tell nothing at all.
 */
export class WatchedFile {
  private seen: string | undefined;
  private digest: string | undefined;

  constructor(readonly path: string) {}

  /** Takes the content as it is now for known. To be called before it is read: what changes in between is new then. */
  async remember(): Promise<void> {
    this.seen = await this.identity();
    this.digest = this.seen === undefined ? undefined : await this.contentDigest();
  }

  /**
   * Whether there is other content than remembered, which is remembered from now on. A file that is gone or can't
   * be read has not changed: it may be about to be replaced.
   */
  async hasChanged(): Promise<boolean> {
    const identity = await this.identity();
    if (identity === undefined || identity === this.seen) return false;
    const digest = await this.contentDigest();
    if (digest === undefined) return false;
    const changed = digest !== this.digest;
    this.seen = identity;
    this.digest = digest;
    return changed;
  }

  /** What any replacement or rewrite changes, read without reading the file. Follows symlinks. */
  private async identity(): Promise<string | undefined> {
    try {
      const found = await stat(this.path, { bigint: true });
      const readable = found.isFile() && found.size <= FILE_BYTES_MAX;
      return readable
        ? `${found.dev}:${found.ino}:${found.size}:${found.mtimeNs}:${found.ctimeNs}`
        : undefined;
    } catch {
      return undefined;
    }
  }

  private async contentDigest(): Promise<string | undefined> {
    try {
      return createHash('sha256')
        .update(await readFile(this.path))
        .digest('hex');
    } catch {
      return undefined;
    }
  }
}
