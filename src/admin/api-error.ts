import { SyncError } from '../ports/errors.js';
import type { ErrorCode } from '../ports/errors.js';

/** What is wrong with a request: the HTTP status, and what to do where the message doesn't say so itself. */
export const API_ERRORS = {
  INVALID_REQUEST: { status: 400, hint: 'See docs/http-api.md for what this request takes.' },
  TOKEN_MISSING: { status: 401, hint: 'Send the token set as admin.token: Authorization: Bearer TOKEN' },
  TOKEN_WRONG: { status: 401, hint: 'Send the token set as admin.token: Authorization: Bearer TOKEN' },
  TOKEN_NOT_SET: {
    status: 403,
    hint: 'Set admin.token in the configuration, or make the request on a loopback address that the daemon listens on.',
  },
  HOST_REFUSED: {
    status: 403,
    hint: 'Use localhost, a loopback address or the host set in admin.listen, or send the token set as admin.token.',
  },
  CROSS_SITE: { status: 403, hint: 'Make the request from the command line, or from a page of this server.' },
  NOT_FOUND: { status: 404, hint: 'GET /api lists what this server answers.' },
  UNKNOWN_MAPPING: { status: 404, hint: 'GET /api/v1/status lists the mappings.' },
  UNKNOWN_CONFLICT: {
    status: 404,
    hint: 'GET conflicts lists those that are kept; settled ones are removed after journal.keep.',
  },
  UNKNOWN_TRASH: {
    status: 404,
    hint: 'GET trash lists what is kept; the oldest goes after journal.keep, or when its room is needed.',
  },
  NOT_ALL: { status: 409, hint: 'See in mappings which, and why; the others were changed.' },
  BODY_TOO_LARGE: { status: 413, hint: 'Bodies are small JSON objects; see docs/http-api.md.' },
  JSON_REQUIRED: { status: 415, hint: 'Send the header Content-Type: application/json' },
  BUSY: { status: 429, hint: 'Wait until one of them has ended.' },
  INTERNAL: { status: 500, hint: 'The log tells more; this is a fault of the daemon.' },
  SHUTTING_DOWN: { status: 503, hint: 'Ask again when the daemon is up again.' },
  NO_ANSWER: { status: 504, hint: 'A change may still take effect: look at GET /api/v1/status.' },
} satisfies Record<string, { status: number; hint: string }>;

export type ApiErrorCode = keyof typeof API_ERRORS;

/** A request that is refused, or that could not be answered. */
export class ApiError extends Error {
  readonly status: number;
  readonly hint: string;

  constructor(
    readonly code: ApiErrorCode,
    message: string,
    hint?: string,
  ) {
    super(message);
    this.name = 'ApiError';
    this.status = API_ERRORS[code].status;
    this.hint = hint ?? API_ERRORS[code].hint;
  }
}

/** The body of every answer that is not a success. */
export interface ErrorBody {
  readonly error: string;
  readonly code: ApiErrorCode | ErrorCode;
  /** What to do about it. */
  readonly hint: string;
}

/** How a failure is told to the client. Nothing of an unforeseen one gets out: it belongs into the log. */
export function errorAnswer(error: unknown): { status: number; body: ErrorBody; unforeseen: boolean } {
  if (error instanceof SyncError) return syncErrorAnswer(error);
  const known = error instanceof ApiError ? error : frameworkError(error);
  const answered =
    known ?? new ApiError('INTERNAL', 'The request failed for a reason that was not foreseen.');
  const { status, code, hint } = answered;
  return { status, body: { error: answered.message, code, hint }, unforeseen: known === undefined };
}

/** What the daemon throws on purpose has a message for the person on call, and no secrets. */
function syncErrorAnswer({ code, message }: SyncError) {
  const refused = code === 'REFUSED';
  const hint = refused
    ? 'Nothing was changed. GET /api/v1/status tells the state that the mapping is in.'
    : 'GET /api/v1/status tells whether both stores are connected. The same request may pass later.';
  return { status: refused ? 409 : 503, body: { error: message, code, hint }, unforeseen: false };
}

/** What fastify itself found wrong with a request: a broken URL, a body too large or not in JSON. */
function frameworkError(error: unknown): ApiError | undefined {
  if (!(error instanceof Error) || !('statusCode' in error)) return undefined;
  const { statusCode, message } = error;
  switch (statusCode) {
    case API_ERRORS.BODY_TOO_LARGE.status:
      return new ApiError('BODY_TOO_LARGE', message);
    case API_ERRORS.JSON_REQUIRED.status:
      return new ApiError('JSON_REQUIRED', message);
    default: {
      const isClientsFault = typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500;
      return isClientsFault ? new ApiError('INVALID_REQUEST', message) : undefined;
    }
  }
}
