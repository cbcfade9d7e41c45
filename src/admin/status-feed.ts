import { Readable } from 'node:stream';
import { ApiError } from './api-error.js';

/** How often the status is looked at while anybody listens. */
const TICK_MS = 1_000;
/** An answer on which nothing comes is taken for a dead connection by proxies, and by clients of this one. */
const HEARTBEAT_MS = 10_000;
const CLIENTS_MAX = 16;
/** A client that has taken nothing for so long is let go. */
const STALLED_MS = 30_000;

interface Client {
  readonly stream: Readable;
  /** The event it was given last. */
  given: string;
  givenMs: number;
}

/**
 * The daemon's status as server-sent events. It is computed once per tick, for all clients together, and not at all
 * while there are none. A client that reads slowly misses states in between and gets the newest next: no more than one
 * event waits for it here.
 */
export class StatusFeed {
  readonly #status: () => { text: string; essence: string };
  readonly #clients = new Set<Client>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** @param status the event's data on one line, and the part of it whose change is worth an event */
  constructor(status: () => { text: string; essence: string }, closing: AbortSignal) {
    this.#status = status;
    closing.addEventListener('abort', () => this.#close(), { once: true });
  }

  /**
   * The body of one client's answer, to be destroyed when that is over.
   * @param greeting an event that only this client gets, first
   * @throws ApiError `BUSY` or `SHUTTING_DOWN`
   */
  open(greeting: string): Readable {
    if (this.#closed) throw new ApiError('SHUTTING_DOWN', 'The daemon is shutting down.');
    if (this.#clients.size >= CLIENTS_MAX) {
      throw new ApiError('BUSY', `${this.#clients.size} clients listen for events already.`);
    }
    const stream = new Readable({ read: () => undefined });
    const client: Client = { stream, given: '', givenMs: performance.now() };
    this.#clients.add(client);
    stream.once('close', () => this.#drop(client));
    stream.push(`retry: 2000\n${greeting}`);
    const { text, essence } = this.#status();
    this.#give(client, text, essence);
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS);
    return stream;
  }

  #tick(): void {
    const { text, essence } = this.#status();
    const nowMs = performance.now();
    for (const client of this.#clients) {
      const sinceMs = nowMs - client.givenMs;
      if (client.stream.readableLength > 0) {
        if (sinceMs > STALLED_MS) client.stream.destroy();
      } else if (client.given !== essence || sinceMs > HEARTBEAT_MS) this.#give(client, text, essence);
    }
  }

  #give(client: Client, text: string, essence: string): void {
    client.stream.push(`event: status\ndata: ${text}\n\n`);
    client.given = essence;
    client.givenMs = performance.now();
  }

  #drop(client: Client): void {
    this.#clients.delete(client);
    if (this.#clients.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #close(): void {
    this.#closed = true;
    for (const { stream } of this.#clients) stream.push(null);
  }
}
