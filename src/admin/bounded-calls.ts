import type { ServerResponse } from 'node:http';
import { ApiError } from './api-error.js';

export interface BoundedCallsOptions {
  readonly timeoutMs: number;
  /** Calls that may run at once. One that was given up counts until it really ends. */
  readonly concurrentMax: number;
  /** Aborts when the server closes. */
  readonly closing: AbortSignal;
}

/** Calls into the daemon on behalf of requests: bounded in time and number, and given up with their request. */
export class BoundedCalls {
  readonly #options: BoundedCallsOptions;
  #running = 0;

  constructor(options: BoundedCallsOptions) {
    this.#options = options;
  }

  /**
   * Runs `call` for as long as it may take. Its signal aborts when it is given up.
   * @param response the one that waits for the call
   * @throws ApiError `BUSY`, `NO_ANSWER` or `SHUTTING_DOWN`; whatever `call` throws
   */
  async run<T>(response: ServerResponse, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const [outcome] = await this.runAll(response, [call]);
    if (outcome?.status === 'fulfilled') return outcome.value;
    throw outcome?.reason;
  }

  /**
   * Runs calls beside each other as one. Each that does not end in time is given up for itself.
   * @throws ApiError `BUSY` or `SHUTTING_DOWN`, and none was begun
   */
  async runAll<T>(
    response: ServerResponse,
    calls: readonly ((signal: AbortSignal) => Promise<T>)[],
  ): Promise<PromiseSettledResult<T>[]> {
    const { timeoutMs, concurrentMax, closing } = this.#options;
    if (closing.aborted) throw shuttingDown();
    if (this.#running >= concurrentMax) {
      throw new ApiError('BUSY', `${this.#running} requests of this kind are running already.`);
    }
    const givingUp = new AbortController();
    const givenUp = rejectionOf(givingUp.signal);
    const onTimeout = () =>
      givingUp.abort(new ApiError('NO_ANSWER', `There was no answer within ${timeoutMs / 1_000} s.`));
    const onClosing = () => givingUp.abort(shuttingDown());
    // Of the response, as a request is closed as soon as its body was read. After its end, nobody listens any more.
    const onDisconnect = () => givingUp.abort(new ApiError('NO_ANSWER', 'The client went away.'));
    const timer = setTimeout(onTimeout, timeoutMs);
    closing.addEventListener('abort', onClosing);
    response.on('close', onDisconnect);
    try {
      const running = this.#counted(calls, givingUp.signal);
      return await Promise.allSettled(running.map((one) => Promise.race([givenUp, one])));
    } finally {
      clearTimeout(timer);
      closing.removeEventListener('abort', onClosing);
      response.off('close', onDisconnect);
    }
  }

  /** One that was given up counts until the last of them really ends. */
  #counted<T>(calls: readonly ((signal: AbortSignal) => Promise<T>)[], signal: AbortSignal): Promise<T>[] {
    this.#running++;
    const running = calls.map(async (call) => call(signal));
    void Promise.allSettled(running).then(() => this.#running--);
    return running;
  }
}

function shuttingDown(): ApiError {
  return new ApiError('SHUTTING_DOWN', 'The daemon is shutting down.');
}

function rejectionOf(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}
