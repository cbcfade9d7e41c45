import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { ApiError } from './api-error.js';
import { hostOfHeader, isLoopback } from './listen-address.js';

/** Who may make a request. */
export type Access =
  /** Health and metrics: anyone, under whatever name probes and scrapers use. */
  | 'open'
  /** Status and lists, without values: anyone, but no web page by way of a rebound name. */
  | 'read'
  /** Shows values of entries, or has the stores work: whoever may change things. */
  | 'trusted'
  /** Changes something. */
  | 'change';

/** What the decision looks at. */
export interface AccessRequest {
  readonly headers: IncomingHttpHeaders;
  readonly remoteAddress: string | undefined;
}

export interface AccessPolicyOptions {
  /** What `Authorization: Bearer` must bring; undefined when none is configured. */
  readonly token: string | undefined;
  /** The host as configured. */
  readonly listenHost: string;
  /** Whether only programs of this machine can connect. */
  readonly listensOnLoopback: () => boolean;
}

/**
 * Lets a request pass or refuses it with a reason. Two things can vouch for one: the token, or having been made on a
 * loopback address of a server that listens nowhere else. A browser on the same machine has the latter too, so pages
 * of other sites are told apart by what browsers say of them, and by the `Host` they ask for.
 */
export class AccessPolicy {
  readonly #tokenDigest: Buffer | undefined;
  readonly #listenHost: string;
  readonly #listensOnLoopback: () => boolean;

  constructor({ token, listenHost, listensOnLoopback }: AccessPolicyOptions) {
    this.#tokenDigest = token === undefined ? undefined : digestOf(Buffer.from(token));
    this.#listenHost = listenHost.toLowerCase();
    this.#listensOnLoopback = listensOnLoopback;
  }

  /** @throws ApiError when the request is refused */
  check(access: Access, request: AccessRequest): void {
    if (access === 'open') return;
    if (access !== 'read') refuseForeignPages(request.headers);
    if (access === 'change') requireJson(request.headers);
    if (this.#bringsToken(request.headers)) return;
    if (this.#listensOnLoopback()) this.#refuseReboundNames(request.headers);
    if (access !== 'read' && !this.#isLocal(request)) throw this.#tokenNeeded();
  }

  /** @throws ApiError when it brings a wrong one */
  #bringsToken({ authorization }: IncomingHttpHeaders): boolean {
    const presented = /^Bearer +(.*)$/i.exec(authorization ?? '')?.[1];
    if (presented === undefined || this.#tokenDigest === undefined) return false;
    // Digests have one length, so that the comparison tells nothing by its time. Node reads headers as latin1.
    if (timingSafeEqual(digestOf(Buffer.from(presented, 'latin1')), this.#tokenDigest)) return true;
    throw new ApiError('TOKEN_WRONG', 'The token is not the one that is configured.');
  }

  /**
   * A page whose own name was made to resolve to 127.0.0.1 is of the same origin for its browser, but asks for that
   * name. On other addresses status is open to the whole network anyway, and all else needs the token.
   */
  #refuseReboundNames({ host }: IncomingHttpHeaders): void {
    const name = hostOfHeader(host ?? '');
    if (name !== undefined && (isLoopback(name) || name === this.#listenHost)) return;
    throw new ApiError('HOST_REFUSED', `This server does not go by the name ${JSON.stringify(host ?? '')}.`);
  }

  /** Behind a proxy on the same machine, the real client may be anywhere. */
  #isLocal({ headers, remoteAddress }: AccessRequest): boolean {
    const isProxied = headers.forwarded !== undefined || headers['x-forwarded-for'] !== undefined;
    return this.#listensOnLoopback() && isLoopback(remoteAddress ?? '') && !isProxied;
  }

  #tokenNeeded(): ApiError {
    return this.#tokenDigest === undefined
      ? new ApiError('TOKEN_NOT_SET', 'This request needs a token, and none is configured.')
      : new ApiError('TOKEN_MISSING', 'This request needs a token.');
  }
}

function digestOf(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}

/** Browsers add these headers by themselves, and no page can leave them out or forge them. */
function refuseForeignPages({ host, origin, 'sec-fetch-site': site }: IncomingHttpHeaders): void {
  const isOwnOrigin =
    origin === undefined || (URL.canParse(origin) && new URL(origin).host === host?.toLowerCase());
  const isOwnSite = site === undefined || site === 'same-origin' || site === 'none';
  if (isOwnOrigin && isOwnSite) return;
  throw new ApiError('CROSS_SITE', 'This request was made by a page of another site.');
}

/** A page can send other content types to any site without asking, but not this one. */
function requireJson({ 'content-type': contentType }: IncomingHttpHeaders): void {
  if (/^application\/json\s*(;|$)/i.test(contentType ?? '')) return;
  throw new ApiError('JSON_REQUIRED', 'The content type of this request must be application/json.');
}
