import type { EntryKey } from '../core/observation.js';

/**
 * A mapping's keys as Consul names them: a literal prefix, and the daemon's own namespace left out.
 * Inside `/v1/txn` any string is a key; a URL carries fewer (see `hasUrl`).
 */
export class KeySpace {
  constructor(
    /** With its trailing slash, so that `config/` does not catch `configuration/x`; empty for the whole store. */
    readonly prefix: string,
    /** Where the daemon keeps its ledgers and locks, with a trailing slash. */
    readonly namespacePrefix: string,
  ) {}

  storedKey(key: EntryKey): string {
    return this.prefix + key;
  }

  /** The entry that a stored key is, or undefined when it is none of this mapping. */
  entryKey(storedKey: string): EntryKey | undefined {
    if (!storedKey.startsWith(this.prefix) || storedKey.startsWith(this.namespacePrefix)) return undefined;
    return storedKey.slice(this.prefix.length);
  }

  /** Why Consul can't hold this key as it is, or undefined when it can. */
  unmappable(key: EntryKey): string | undefined {
    const stored = this.storedKey(key);
    if (stored === '') return 'Consul has no empty key';
    if (stored.startsWith(this.namespacePrefix)) {
      return `keys below ${this.namespacePrefix} are this program's own`;
    }
    if (!stored.isWellFormed()) return 'it holds half a surrogate pair, which no UTF-8 text can';
    if (stored.includes('\ufffd')) {
      return 'it holds U+FFFD, which Consul also shows in place of bytes that are not UTF-8';
    }
    return undefined;
  }
}

/** Whether `storedKey` can be sent at all without becoming another key. */
export function isExact(storedKey: string): boolean {
  return storedKey !== '' && storedKey.isWellFormed();
}

/** Consul shows keys that are not UTF-8 with U+FFFD in them: only a read of that very key tells it from a real one. */
export function isCertain(listedKey: string): boolean {
  return !listedKey.includes('\ufffd');
}

/** What Go's `unicode.IsPrint` lets through: Consul answers 400 to a path with anything else. */
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]*$/u;

/** Whether a key survives being part of a URL: Consul redirects `a//b`, `./a` and `a/..` to other keys. */
export function hasUrl(storedKey: string): boolean {
  const segments = storedKey.split('/');
  if (segments.at(-1) === '') segments.pop();
  const isClean = segments.every((segment) => segment !== '' && segment !== '.' && segment !== '..');
  return segments.length > 0 && isClean && PRINTABLE.test(storedKey);
}

/** Whether a key that begins so may survive it, too: what follows can only change its last segment. */
export function couldLeadToUrl(prefix: string): boolean {
  const closed = prefix.split('/').slice(0, -1);
  const isClean = closed.every((segment) => segment !== '' && segment !== '.' && segment !== '..');
  return isClean && PRINTABLE.test(prefix);
}

/** The path of `/v1/kv` for a key or a prefix, encoded. */
export function kvPath(storedKey: string): string {
  return `/v1/kv/${storedKey.split('/').map(encodeURIComponent).join('/')}`;
}
