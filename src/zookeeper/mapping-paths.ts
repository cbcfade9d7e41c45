import { decodeKey, encodeKey } from '../core/key-codec.js';
import type { EntryKey } from '../core/observation.js';

/** ZooKeeper's own nodes; never mapped. */
const SYSTEM_PATH = '/zookeeper';

/**
 * Where the entries of one mapping are: everything below its root, but for the daemon's own namespace and
 * ZooKeeper's own nodes. The root itself is no entry. Paths are relative to the connection's chroot.
 */
export class MappingPaths {
  /** `/` or a path without a trailing slash. */
  readonly root: string;
  /** What stands in front of every entry's stored key. */
  readonly prefix: string;
  readonly #excluded: readonly string[];

  constructor(root: string, namespaceRoot: string) {
    this.root = root;
    this.prefix = root === '/' ? '/' : `${root}/`;
    this.#excluded = [SYSTEM_PATH, namespaceRoot];
  }

  pathOf(key: EntryKey): string {
    return this.prefix + encodeKey(key);
  }

  /** The entry at a path; undefined for the root, for what lies outside, and for a name that no entry has. */
  keyOf(path: string): EntryKey | undefined {
    if (!path.startsWith(this.prefix) || path.length === this.prefix.length || this.isExcluded(path))
      return undefined;
    try {
      return decodeKey(path.slice(this.prefix.length));
    } catch (error) {
      // Servers before 3.5 accept some names that later ones don't, and that no key is stored under.
      if (error instanceof RangeError) return undefined;
      throw error;
    }
  }

  isExcluded(path: string): boolean {
    return this.#excluded.some((excluded) => path === excluded || path.startsWith(`${excluded}/`));
  }
}

/** The path of the node above; undefined for `/`. */
export function parentPath(path: string): string | undefined {
  if (path === '/') return undefined;
  const slash = path.lastIndexOf('/');
  return slash === 0 ? '/' : path.slice(0, slash);
}

/** The path of a child by its stored name. */
export function childPath(path: string, name: string): string {
  return path === '/' ? `/${name}` : `${path}/${name}`;
}
