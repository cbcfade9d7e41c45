import { ReplicaError, type ErrorCode } from '../ports/errors.js';

/** Error codes of the protocol that the adapter knows by name (`KeeperException.Code` in ZooKeeper's sources). */
export const STATUS = {
  ok: 0,
  runtimeInconsistency: -2,
  connectionLoss: -4,
  unimplemented: -6,
  operationTimeout: -7,
  badArguments: -8,
  noNode: -101,
  noAuth: -102,
  badVersion: -103,
  noChildrenForEphemerals: -108,
  nodeExists: -110,
  notEmpty: -111,
  sessionExpired: -112,
  invalidAcl: -114,
  authFailed: -115,
  sessionMoved: -118,
  requestTimeout: -122,
  quotaExceeded: -125,
  throttledOp: -127,
} as const;

interface StatusMeaning {
  readonly code: ErrorCode;
  readonly retriable: boolean;
  readonly text: string;
}

/** What a status means for a whole request. Those that are answers about a node (no node, bad version) are not here. */
const MEANINGS: Readonly<Record<number, StatusMeaning>> = {
  [STATUS.connectionLoss]: { code: 'STORE_UNREACHABLE', retriable: true, text: 'connection lost' },
  [STATUS.unimplemented]: { code: 'STORE_PROTOCOL', retriable: false, text: 'not supported by this server' },
  [STATUS.operationTimeout]: { code: 'STORE_TIMEOUT', retriable: true, text: 'the server gave up waiting' },
  [STATUS.badArguments]: { code: 'STORE_PROTOCOL', retriable: false, text: 'bad arguments (illegal path?)' },
  [STATUS.noNode]: {
    code: 'STORE_PROTOCOL',
    retriable: false,
    text: 'no such node, or none above it (does the chroot of zookeeper.connect exist?)',
  },
  [STATUS.noAuth]: { code: 'STORE_DENIED', retriable: false, text: 'no permission (NoAuth)' },
  [STATUS.sessionExpired]: { code: 'SESSION_EXPIRED', retriable: true, text: 'the session has expired' },
  [STATUS.invalidAcl]: {
    code: 'STORE_PROTOCOL',
    retriable: false,
    text: 'invalid ACL (`creator-all` needs `auth`; is the scheme known to the server?)',
  },
  [STATUS.authFailed]: { code: 'STORE_AUTH_FAILED', retriable: false, text: 'authentication failed' },
  [STATUS.sessionMoved]: {
    code: 'STORE_UNREACHABLE',
    retriable: true,
    text: 'the session moved to another server',
  },
  [STATUS.requestTimeout]: {
    code: 'STORE_TIMEOUT',
    retriable: true,
    text: 'the request timed out in the server',
  },
  [STATUS.quotaExceeded]: { code: 'STORE_DENIED', retriable: false, text: 'the quota is exceeded' },
  [STATUS.throttledOp]: { code: 'STORE_OVERLOADED', retriable: true, text: 'the server throttles requests' },
};

/** A request that ended without the answer it asked for. */
export class ZooKeeperError extends ReplicaError {
  constructor(
    code: ErrorCode,
    message: string,
    retriable: boolean,
    /** Whether the request may have reached a server that may have carried it out: its reply was lost. */
    readonly ambiguous: boolean,
    /** The status that the server answered with, where it answered. */
    readonly status: number | undefined,
    options?: { cause?: unknown },
  ) {
    super(code, message, retriable, options);
  }
}

/** The answer was larger than this client accepts. Ask for less. */
export class ReplyTooLargeError extends ZooKeeperError {
  constructor(what: string, server: string, bytes: number) {
    const message = `${what} on ${server}: the answer has ${bytes} bytes, more than this client accepts`;
    super('STORE_PROTOCOL', message, false, true, undefined);
  }
}

/**
 * The server answered the whole request with an error: it did not carry it out.
 * @param what the request and its path
 */
export function refusedByServer(what: string, server: string, status: number): ZooKeeperError {
  const { code, retriable, text } = meaningOf(status);
  return new ZooKeeperError(code, `${what} on ${server}: ${text}`, retriable, false, status);
}

/** Whether a status is a refusal of the request, and not an answer about the node it asked for. */
export function isRefusal(status: number): boolean {
  return status !== STATUS.ok && status !== STATUS.noNode;
}

export function showStatus(status: number): string {
  return meaningOf(status).text;
}

function meaningOf(status: number): StatusMeaning {
  const unknown: StatusMeaning = { code: 'STORE_PROTOCOL', retriable: false, text: `error ${status}` };
  return MEANINGS[status] ?? unknown;
}

/** Why no reply came. */
export type Unanswered =
  'not-connected' | 'connection-lost' | 'timeout' | 'aborted' | 'overloaded' | 'closed';

const UNANSWERED: Readonly<Record<Unanswered, { code: ErrorCode; retriable: boolean }>> = {
  'not-connected': { code: 'STORE_UNREACHABLE', retriable: true },
  'connection-lost': { code: 'STORE_UNREACHABLE', retriable: true },
  timeout: { code: 'STORE_TIMEOUT', retriable: true },
  aborted: { code: 'ABORTED', retriable: false },
  overloaded: { code: 'STORE_OVERLOADED', retriable: true },
  closed: { code: 'STORE_UNREACHABLE', retriable: false },
};

/**
 * No reply came. For a write that was `sent` this is ambiguous.
 * @param detail what happened, for the person on call
 */
export function unanswered(
  why: Unanswered,
  what: string,
  detail: string,
  sent: boolean,
  cause?: unknown,
): ZooKeeperError {
  const { code, retriable } = UNANSWERED[why];
  const fate = sent ? 'sent, but no reply came' : 'not sent';
  const message = `${what}: ${detail} (${fate})`;
  return new ZooKeeperError(code, message, retriable, sent, undefined, cause === undefined ? {} : { cause });
}

/** Rethrows what `signal` aborted as the project's own error. */
export function abortedError(what: string, signal: AbortSignal): ZooKeeperError {
  return unanswered('aborted', what, 'aborted', false, signal.reason);
}

/** Waits for what goes on regardless, until `signal` aborts. */
export async function orAborted<T>(promise: Promise<T>, what: string, signal: AbortSignal): Promise<T> {
  if (signal.aborted) throw abortedError(what, signal);
  return await new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(abortedError(what, signal));
    signal.addEventListener('abort', onAbort, { once: true });
    void promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
