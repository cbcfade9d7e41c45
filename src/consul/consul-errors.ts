import { ReplicaError } from '../ports/errors.js';
import type { ErrorCode } from '../ports/errors.js';
import { explainTlsFailure } from '../ports/tls-failure.js';
import type { HttpAnswer, TransportFailure, TransportFailureKind } from './client-seam.js';

/** Consul did not do what was asked. */
export class ConsulError extends ReplicaError {
  constructor(
    code: ErrorCode,
    message: string,
    retriable: boolean,
    /** True when it is certain that the request changed nothing; otherwise it may have been applied. */
    readonly notApplied: boolean,
    options: ConsulErrorOptions = {},
  ) {
    super(code, message, retriable, options);
    this.status = options.status;
    this.lostOnReusedSocket = options.lostOnReusedSocket ?? false;
  }

  /** Of the answer, where there was a whole one. */
  readonly status: number | undefined;
  /** The connection, which had carried earlier requests, was closed under this one. */
  readonly lostOnReusedSocket: boolean;
}

export interface ConsulErrorOptions {
  readonly cause?: unknown;
  readonly status?: number;
  readonly lostOnReusedSocket?: boolean;
}

/** The answer was longer than the bound given with its request. Ask for less. */
export class AnswerTooLargeError extends ConsulError {
  constructor(message: string) {
    super('STORE_PROTOCOL', message, false, false);
  }
}

interface Verdict {
  readonly code: ErrorCode;
  readonly retriable: boolean;
  readonly notApplied: boolean;
  readonly advice: string;
}

/**
 * Texts of a 500 that Consul answers before anything reached its Raft log, so the request changed nothing
 * (agent/structs/errors.go, agent/consul/rpc.go). Any other 5xx leaves it open, first of all "leadership lost while
 * committing log".
 */
const BEFORE_THE_LOG = [
  'No cluster leader',
  'No known Consul servers',
  'No path to datacenter',
  'node is not the leader',
  'Raft leader not found in server lookup mapping',
  'timed out enqueuing operation',
  'failed to get conn',
  'rpc error getting client',
];

/** The error that an answer with a status nobody asked for stands for. `what` says what was tried, and where. */
export function errorOfAnswer(what: string, answer: HttpAnswer, secret: string | undefined): ConsulError {
  const text = snippet(answer.body, secret);
  const { code, retriable, notApplied, advice } = judge(answer.status, text);
  const said = text === '' ? '' : `: ${text}`;
  const message = `${what} was answered ${answer.status}${said}. ${advice}`;
  return new ConsulError(code, message, retriable, notApplied, { status: answer.status });
}

function judge(status: number, text: string): Verdict {
  if (status === 403 && text.includes('ACL not found'))
    return refused('STORE_AUTH_FAILED', 'The token is unknown or has expired: renew it');
  if (status === 403)
    return refused('STORE_DENIED', "The token's policy does not allow this: widen it or use another token");
  if (status === 401)
    return refused('STORE_AUTH_FAILED', 'Consul takes no token here, or another kind of login');
  if (status === 429 || (status >= 500 && text.includes('rate limit')))
    return passing('STORE_OVERLOADED', true, 'Consul or its agent limits requests; it will be tried again');
  if (status === 503)
    return passing(
      'STORE_OVERLOADED',
      false,
      'Consul, or a proxy before it, is overloaded; it will be tried again',
    );
  if (status >= 500) {
    const notApplied = BEFORE_THE_LOG.some((known) => text.includes(known));
    return passing(
      'STORE_UNREACHABLE',
      notApplied,
      'The Consul servers can not serve this now; it will be tried again',
    );
  }
  if (status === 400)
    return refused(
      'STORE_PROTOCOL',
      'From 1.22 on, Consul takes only letters, digits and ,-_./ in the keys of a URL',
    );
  return refused('STORE_PROTOCOL', NOT_CONSUL);
}

const NOT_CONSUL = 'Is this the HTTP address of a Consul agent, with nothing in between?';

function refused(code: ErrorCode, advice: string): Verdict {
  return { code, retriable: false, notApplied: true, advice };
}

function passing(code: ErrorCode, notApplied: boolean, advice: string): Verdict {
  return { code, retriable: true, notApplied, advice };
}

/** An answer that is not Consul's: whatever was asked may have been done. */
export function protocolError(what: string, fault: string, cause?: unknown): ConsulError {
  return new ConsulError('STORE_PROTOCOL', `${what}: ${fault}. ${NOT_CONSUL}`, false, false, { cause });
}

const TRANSPORT_CODES: Readonly<Record<TransportFailureKind, ErrorCode>> = {
  aborted: 'ABORTED',
  timeout: 'STORE_TIMEOUT',
  truncated: 'STORE_UNREACHABLE',
  'answer-too-large': 'STORE_PROTOCOL',
  network: 'STORE_UNREACHABLE',
};

/** The error that a missing answer stands for. */
export function errorOfFailure(
  what: string,
  failure: TransportFailure,
  limits: { timeoutMs: number; answerBytesMax: number },
): ConsulError {
  if (failure.kind === 'answer-too-large') {
    return new AnswerTooLargeError(`${what}: the answer is longer than ${limits.answerBytesMax} bytes`);
  }
  const notApplied = !failure.sent;
  if (isWrongProtocol(failure)) {
    return new ConsulError(
      'STORE_PROTOCOL',
      `${what}: ${causeText(failure)}. This port speaks something else: check the address, and http against https`,
      false,
      notApplied,
      { cause: failure.cause },
    );
  }
  return new ConsulError(
    TRANSPORT_CODES[failure.kind],
    `${what}: ${describe(failure, limits.timeoutMs)}`,
    failure.kind !== 'aborted',
    notApplied,
    { cause: failure.cause, lostOnReusedSocket: failure.kind === 'network' && failure.reusedSocket },
  );
}

function describe(failure: TransportFailure, timeoutMs: number): string {
  const where = failure.sent ? 'after the request was sent' : 'before the request was sent';
  switch (failure.kind) {
    case 'aborted':
      return `ended by this program ${where}`;
    case 'timeout':
      return `no whole answer within ${timeoutMs} ms, ${where}. Is the agent overloaded, or the way to it blocked?`;
    case 'truncated':
      return 'the connection broke in the middle of the answer';
    case 'answer-too-large':
    case 'network': {
      const explained = explainTlsFailure(failure.cause, 'consul.tls');
      const { what = causeText(failure), advice = NOBODY_THERE } = explained ?? {};
      return `${what}, ${where}. ${advice}`;
    }
  }
}

const NOBODY_THERE = 'Is the Consul agent running and reachable there?';

/** Connecting to a name with several addresses fails with an error that holds one per address, and no text. */
function causeText(failure: TransportFailure): string {
  const cause = failure.cause;
  if (cause instanceof AggregateError) return cause.errors.map((error: unknown) => String(error)).join(', ');
  // OpenSSL's own: an address in memory, codes, the reason, and a place in its sources.
  return failure.message.replace(/\S*:error:\S*:SSL routines:[^:]*:([^:]+):[^]*$/, '$1');
}

/** TLS answered by plain text (EPROTO), or no HTTP at all (llhttp's HPE_ codes). */
function isWrongProtocol(failure: TransportFailure): boolean {
  const code = codeOf(failure);
  return code === 'EPROTO' || code.startsWith('HPE_');
}

function codeOf(failure: TransportFailure): string {
  const code = (failure.cause as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code : '';
}

const SNIPPET_CHARACTERS_MAX = 200;

/** The beginning of an error page on one line, fit for a message. */
function snippet(body: Buffer, secret: string | undefined): string {
  const text = body.subarray(0, 4 * SNIPPET_CHARACTERS_MAX).toString('utf8');
  const hidden = secret === undefined ? text : text.replaceAll(secret, '<token>');
  const line = hidden.replace(/[\s\p{Cc}]+/gu, ' ').trim();
  return line.length > SNIPPET_CHARACTERS_MAX ? `${line.slice(0, SNIPPET_CHARACTERS_MAX)} ...` : line;
}
