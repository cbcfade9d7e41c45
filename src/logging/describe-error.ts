import { SyncError } from '../ports/errors.js';

/** What the log shows of an error: nothing that a library may have hung on it, such as requests with their headers. */
export interface ErrorDescription {
  readonly type: string;
  readonly code?: string;
  readonly message: string;
  readonly stack?: string;
  readonly cause?: ErrorDescription;
}

/** Causes of causes are shown down to this depth; a chain may be a ring. */
const CAUSES_MAX = 8;

export function describeError(error: unknown, causesMax = CAUSES_MAX): ErrorDescription {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error) };
  const code: unknown = 'code' in error ? error.code : undefined;
  return {
    type: error.name,
    ...(typeof code === 'string' && { code }),
    message: error.message,
    // An error thrown on purpose says where and why in its message.
    ...(error.stack !== undefined && !(error instanceof SyncError) && { stack: error.stack }),
    ...(error.cause !== undefined && causesMax > 0 && { cause: describeError(error.cause, causesMax - 1) }),
  };
}
