import { ConsulError } from './consul-errors.js';
import { couldLeadToUrl, hasUrl } from './kv-keys.js';

/** Requests tell a prefix in their path, which servers and balancers limit. Keys are mostly shorter. */
const PREFIX_BYTES_MAX = 1_000;
/** After so many that were refused as such, only characters are tried that every Consul takes. */
const REFUSED_BEFORE_CAUTION = 32;
/** Of more, none is tried any more. */
const REFUSED_MAX = 1_024;
/** Those that Consul takes from 1.22 on, where a path may not look like a file's either. */
const CAUTIOUS = /^[A-Za-z0-9,\-_./]*$/;
const LIKE_A_FILE = /\.[A-Za-z0-9]{2,5}$/;

/** Consul, or something before it, lists nothing for this prefix. */
export class RefusedPrefixError extends Error {
  constructor(
    readonly prefix: string,
    options: { readonly cause: unknown },
  ) {
    super(`the prefix ${JSON.stringify(prefix)} can't be listed`, options);
    this.name = 'RefusedPrefixError';
  }
}

/**
 * For which prefixes below a mapping lists can be had. Which characters a URL may carry depends on Consul's version, and
 * what a token may list on its policy: what was refused is remembered, and its keys are looked at one by one.
 */
export class AskablePrefixes {
  private readonly refused = new Set<string>();
  private unfit = 0;

  has(prefix: string): boolean {
    return hasUrl(prefix) && Buffer.byteLength(prefix) <= PREFIX_BYTES_MAX && !this.isRefused(prefix);
  }

  /** Whether longer prefixes that begin so may be askable. */
  mayContinue(prefix: string): boolean {
    return couldLeadToUrl(prefix) && Buffer.byteLength(prefix) <= PREFIX_BYTES_MAX;
  }

  /**
   * Takes note that a list of `prefix` was answered by an error.
   * @returns whether it is the prefix that can't be asked for
   */
  learn(prefix: string, error: unknown): boolean {
    if (!(error instanceof ConsulError) || error.code === 'STORE_AUTH_FAILED') return false;
    const isUnfit = error.status === 400 || error.status === 414;
    if (!isUnfit && error.status !== 403) return false;
    if (this.refused.size < REFUSED_MAX) this.refused.add(prefix);
    if (isUnfit) this.unfit++;
    return true;
  }

  private isRefused(prefix: string): boolean {
    if (this.refused.has(prefix) || this.refused.size >= REFUSED_MAX) return true;
    return this.unfit >= REFUSED_BEFORE_CAUTION && (!CAUTIOUS.test(prefix) || LIKE_A_FILE.test(prefix));
  }
}
