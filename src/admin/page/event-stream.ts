import { RequestFailed, send } from './api.js';

const RETRY_FIRST_MS = 1_000;
const RETRY_MAX_MS = 10_000;
/** The server says something every 10 s. */
const SILENCE_MAX_MS = 25_000;
/** One event holds a status, whose lists are cut; what is longer is none. */
const EVENT_CHARACTERS_MAX = 16 * 1_024 * 1_024;

export interface EventHandlers {
  readonly onEvent: (event: string, data: unknown) => void;
  readonly onLost: (failure: RequestFailed) => void;
}

/**
 * Follows the server's events until `signal` aborts, and connects again whenever that ends. By fetch, since an
 * EventSource can't send a token.
 */
export async function followEvents(
  path: string,
  handlers: EventHandlers,
  signal: AbortSignal,
): Promise<void> {
  for (let waitMs = RETRY_FIRST_MS; !signal.aborted; waitMs = Math.min(RETRY_MAX_MS, waitMs * 2)) {
    try {
      await readEvents(path, signal, (event, data) => {
        waitMs = RETRY_FIRST_MS;
        handlers.onEvent(event, data);
      });
      handlers.onLost(new RequestFailed(0, 'ENDED', 'The daemon ended the connection.', ''));
    } catch (error) {
      if (signal.aborted) return;
      const lost = new RequestFailed(0, 'LOST', 'The connection to the daemon was lost.', '');
      handlers.onLost(error instanceof RequestFailed ? error : lost);
    }
    await sleep(waitMs, signal);
  }
}

async function readEvents(
  path: string,
  signal: AbortSignal,
  onEvent: (event: string, data: unknown) => void,
): Promise<void> {
  const silence = new AbortController();
  const answer = await send(path, {}, AbortSignal.any([signal, silence.signal]));
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  let buffered = '';
  for (;;) {
    const timer = setTimeout(() => silence.abort(), SILENCE_MAX_MS);
    const chunk = await reader?.read().finally(() => clearTimeout(timer));
    if (chunk === undefined || chunk.done) return;
    buffered += chunk.value;
    const blocks = buffered.split('\n\n');
    buffered = blocks.pop() ?? '';
    if (buffered.length > EVENT_CHARACTERS_MAX) throw new Error('an event without end');
    for (const block of blocks) readBlock(block, onEvent);
  }
}

function readBlock(block: string, onEvent: (event: string, data: unknown) => void): void {
  const event = /^event: (.*)$/m.exec(block)?.[1];
  const data = /^data: (.*)$/m.exec(block)?.[1];
  if (event !== undefined && data !== undefined) onEvent(event, JSON.parse(data));
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    const wake = () => {
      clearTimeout(timer);
      resolve();
    };
    signal.addEventListener('abort', wake, { once: true });
  });
}
