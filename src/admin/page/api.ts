const TOKEN_KEY = 'zk-consul-sync-token';
/** Somewhat above the longest that the server itself waits for an answer. */
const TIMEOUT_MS = 40_000;

/** A request that was refused, or could not be made. */
export class RequestFailed extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly hint: string,
  ) {
    super(message);
  }
}

/** Kept for this tab only, until it is closed. */
export function savedToken(): string | undefined {
  return sessionStorage.getItem(TOKEN_KEY) ?? undefined;
}

export function saveToken(token: string | undefined): void {
  if (token === undefined) sessionStorage.removeItem(TOKEN_KEY);
  else sessionStorage.setItem(TOKEN_KEY, token);
}

/** Below a mapping: `history`, `conflicts/17`, ... */
export function mappingPath(mapping: string, rest: string): string {
  return `api/v1/mappings/${encodeURIComponent(mapping)}/${rest}`;
}

/** @throws RequestFailed */
export async function get<T>(path: string): Promise<T> {
  const answer = await send(path, {}, AbortSignal.timeout(TIMEOUT_MS));
  return (await answer.json()) as T;
}

/** @throws RequestFailed */
export async function post(path: string, body: unknown): Promise<{ readonly message: string }> {
  const sent = {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  };
  const answer = await send(path, sent, AbortSignal.timeout(TIMEOUT_MS));
  return (await answer.json()) as { message: string };
}

/** @throws RequestFailed unless the answer is a success */
export async function send(
  path: string,
  init: { method?: string; body?: string; headers?: Record<string, string> },
  signal: AbortSignal,
): Promise<Response> {
  const token = savedToken();
  const headers = { ...init.headers, ...(token !== undefined && { authorization: `Bearer ${token}` }) };
  const answer = await fetch(path, { ...init, headers, signal, credentials: 'omit' }).catch(
    (error: unknown) => {
      throw new RequestFailed(0, 'UNREACHABLE', describe(error), 'Is the daemon running? Is the tunnel up?');
    },
  );
  if (answer.ok) return answer;
  throw await failureOf(answer);
}

async function failureOf(answer: Response): Promise<RequestFailed> {
  const body: unknown = await answer.json().catch(() => undefined);
  const { error, code, hint } = (body ?? {}) as { error?: string; code?: string; hint?: string };
  const message = error ?? `The server answered ${answer.status}.`;
  return new RequestFailed(answer.status, code ?? 'UNKNOWN', message, hint ?? '');
}

function describe(error: unknown): string {
  const timedOut = error instanceof DOMException && error.name === 'TimeoutError';
  return timedOut ? 'The daemon did not answer in time.' : 'The daemon could not be reached.';
}
