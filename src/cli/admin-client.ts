import { isIPv6 } from 'node:net';
import type { z } from 'zod';
import type { Config } from '../config/schema.js';
import type { Environment } from '../config/variables.js';
import { TOKEN_VARIABLE } from './command-setting.js';
import { CommandError, EXIT, isLockedOut, isUnreachable, usageError } from './exit-code.js';
import type { ExitCode } from './exit-code.js';
import type { ErrorAnswer } from './admin-answers.js';
import { errorAnswer } from './admin-answers.js';

/** Above the longest that the admin server waits for the daemon. */
const REQUEST_TIMEOUT_MS = 35_000;
/** A status of a thousand mappings with all that is listed of them is some tens of megabytes. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

/** Nobody answers as a daemon would. */
export class DaemonUnreachableError extends CommandError {
  constructor(message: string, options?: { cause?: unknown }) {
    super(EXIT.unreachable, message, options);
  }
}

/** A daemon answers, and the answer is no. */
export class RefusedError extends CommandError {
  constructor(
    message: string,
    readonly answer: ErrorAnswer,
  ) {
    super(exitCodeOfAnswer(answer.code), message);
  }
}

/** Where a running daemon is asked, and with which token. */
export interface AdminAddress {
  readonly url: URL;
  readonly token: string | undefined;
}

/**
 * The address given by `--admin`: `http://host:9464`, `host:9464`, or that of a proxy with a path.
 * @throws CommandError
 */
export function parseAdminUrl(text: string, environment: Environment): AdminAddress {
  const withScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const url = URL.canParse(withScheme) ? new URL(withScheme) : undefined;
  const isUsable =
    url !== undefined && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
  if (!isUsable || url.hostname === '') {
    throw usageError(
      `--admin takes the address of a daemon, such as http://127.0.0.1:9464; the token goes into ${TOKEN_VARIABLE}`,
    );
  }
  url.pathname = url.pathname.replace(/\/*$/, '/');
  url.search = '';
  url.hash = '';
  return { url, token: tokenOf(environment) };
}

/** Where the daemon of a configuration is asked; a sentence that says why not when it can't be known. */
export function configuredAdmin({ admin }: Config, environment: Environment): AdminAddress | string {
  const { listen, token } = admin;
  if (listen === undefined) return 'admin.listen is off';
  if (listen.port === 0)
    return 'admin.listen takes any free port: name the one that was logged with --admin URL';
  const anywhere = listen.host === '0.0.0.0' || listen.host === '::';
  const host = anywhere ? (isIPv6(listen.host) ? '::1' : '127.0.0.1') : listen.host;
  const url = new URL(`http://${isIPv6(host) ? `[${host}]` : host}:${listen.port}/`);
  return { url, token: tokenOf(environment) ?? sendable(token?.reveal(), 'admin.token') };
}

function tokenOf(environment: Environment): string | undefined {
  return sendable(environment[TOKEN_VARIABLE], TOKEN_VARIABLE);
}

/** What can't stand in a header would be refused by `fetch`, in a message that shows the token. */
function sendable(token: string | undefined, source: string): string | undefined {
  if (token === undefined || !/[\0-\x1f\x7f]/.test(token)) return token;
  throw usageError(
    `the token in ${source} has characters that no HTTP header can hold, such as line breaks: was it cut out of a file?`,
  );
}

/** Asks a running daemon by its admin HTTP API (docs/http-api.md). */
export class AdminClient {
  constructor(private readonly address: AdminAddress) {}

  /** For messages and for commands to be copied, without a slash at the end. */
  get shownUrl(): string {
    return this.address.url.href.replace(/\/$/, '');
  }

  /**
   * @param path below the address, encoded
   * @throws DaemonUnreachableError when no daemon answers, RefusedError when it refuses
   */
  async get<T>(path: string, schema: z.ZodType<T>, options: { trusted?: boolean } = {}): Promise<T> {
    const headers = options.trusted === true ? this.credentials : {};
    return this.ask('GET', path, { headers }, schema, [200]);
  }

  /**
   * A request that changes something.
   * @param answers the statuses that are answered as `schema` says
   * @throws as `get` does
   */
  async post<T>(
    path: string,
    body: object,
    schema: z.ZodType<T>,
    answers: readonly number[] = [200],
  ): Promise<T> {
    const headers = { ...this.credentials, 'content-type': 'application/json' };
    return this.ask('POST', path, { headers, body: JSON.stringify(body) }, schema, answers);
  }

  private async ask<T>(
    method: 'GET' | 'POST',
    path: string,
    request: RequestInit,
    schema: z.ZodType<T>,
    answers: readonly number[],
  ): Promise<T> {
    const what = `${method} ${this.shownUrl}/${path}`;
    const { status, text } = await this.fetch(what, path, { ...request, method });
    const body = parseJson(text);
    const parsed = answers.includes(status) ? schema.safeParse(body) : undefined;
    if (parsed?.success === true) return parsed.data;
    if (status !== 200) throw refusal(what, status, body);
    throw new DaemonUnreachableError(
      `${what} was not answered as a zk-consul-sync daemon would: is this its admin.listen address?`,
      { cause: parsed?.error },
    );
  }

  /** The token goes only where it is asked for, and nowhere that an answer points to. */
  private get credentials(): Record<string, string> {
    const { token } = this.address;
    if (token === undefined) return {};
    // `fetch` writes a byte for each character; the daemon compares with the token in UTF-8.
    return { authorization: `Bearer ${Buffer.from(token).toString('latin1')}` };
  }

  private async fetch(
    what: string,
    path: string,
    request: RequestInit,
  ): Promise<{ status: number; text: string }> {
    try {
      const response = await fetch(new URL(path, this.address.url), {
        ...request,
        redirect: 'error',
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      });
      return { status: response.status, text: await boundedText(response) };
    } catch (error) {
      throw new DaemonUnreachableError(
        `${what}: ${causeOf(error)}. Is the daemon running, and is this its admin.listen address?`,
        { cause: error },
      );
    }
  }
}

async function boundedText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES_MAX) throw new Error(`the answer is longer than ${ANSWER_BYTES_MAX} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** `fetch` says only "fetch failed", and hides why in the cause. */
function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `no answer within ${REQUEST_TIMEOUT_MS} ms`;
  const { cause } = error;
  if (cause instanceof AggregateError) return cause.errors.map((one: unknown) => causeOf(one)).join(', ');
  return cause instanceof Error ? cause.message : error.message;
}

function refusal(what: string, status: number, body: unknown): CommandError {
  const answer = errorAnswer.safeParse(body);
  if (!answer.success) {
    const message = `${what} was answered ${status}, and not as a zk-consul-sync daemon would: is this its admin.listen address?`;
    return new DaemonUnreachableError(message);
  }
  const { error, code, hint } = answer.data;
  return new RefusedError(`${what} was refused: ${error} (${code}) ${hint}`, answer.data);
}

function exitCodeOfAnswer(code: string): ExitCode {
  if (code === 'UNKNOWN_MAPPING') return EXIT.usage;
  const isAway = isUnreachable(code) || code === 'SHUTTING_DOWN' || code === 'NO_ANSWER' || isLockedOut(code);
  return isAway ? EXIT.unreachable : EXIT.found;
}
