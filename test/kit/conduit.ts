import type { Socket } from 'node:net';

const QUEUED_BYTES_MAX = 1024 * 1024;

/** What came from one end and is to come out at the other, and when. */
type Parcel =
  | { readonly kind: 'bytes'; readonly bytes: Buffer; readonly dueMs: number }
  | { readonly kind: 'end' | 'reset'; readonly dueMs: number };

/** One direction of a proxied connection. Takes in a bounded amount; beyond, the sender has to wait. */
export class Conduit {
  isHeld = false;
  /** Of what is taken in from now on. */
  delayMs = 0;
  /** How many bytes still pass before the next one breaks it; undefined: none does. */
  breaksAfterBytes: number | undefined;
  readonly #source: Socket;
  readonly #destination: Socket;
  readonly #onBroken: () => void;
  readonly #queue: Parcel[] = [];
  #queuedBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #isFull = false;
  #isAbandoned = false;

  /** @param onBroken is called once, when the bytes that still pass have been written */
  constructor(source: Socket, destination: Socket, onBroken: () => void) {
    this.#source = source;
    this.#destination = destination;
    this.#onBroken = onBroken;
    source.on('data', (bytes: Buffer) => {
      this.#queuedBytes += bytes.length;
      if (this.#queuedBytes > QUEUED_BYTES_MAX) source.pause();
      this.#take({ kind: 'bytes', bytes, dueMs: this.#dueMs() });
    });
    source.once('end', () => this.#take({ kind: 'end', dueMs: this.#dueMs() }));
    // It was reset, or never connected.
    source.once('error', () => this.#take({ kind: 'reset', dueMs: this.#dueMs() }));
    destination.on('drain', () => {
      this.#isFull = false;
      this.flow();
    });
    destination.once('close', () => this.abandon());
  }

  /** Lets out what may go now. To be called when a setting was changed. */
  flow(): void {
    clearTimeout(this.#timer);
    while (!this.#isAbandoned && !this.isHeld && !this.#isFull) {
      const next = this.#queue[0];
      if (next === undefined) return;
      const leftMs = next.dueMs - performance.now();
      if (leftMs > 0) {
        this.#timer = setTimeout(() => this.flow(), leftMs);
        return;
      }
      this.#queue.shift();
      this.#letOut(next);
    }
  }

  /** Nothing comes out any more; what is still sent goes nowhere. */
  abandon(): void {
    if (this.#isAbandoned) return;
    this.#isAbandoned = true;
    clearTimeout(this.#timer);
    this.#queue.length = 0;
    this.#source.resume();
  }

  #take(parcel: Parcel): void {
    if (this.#isAbandoned) return;
    this.#queue.push(parcel);
    this.flow();
  }

  #letOut(parcel: Parcel): void {
    if (parcel.kind === 'bytes') this.#write(parcel.bytes);
    else if (parcel.kind === 'end') this.#destination.end();
    else this.#destination.resetAndDestroy();
  }

  #write(bytes: Buffer): void {
    this.#queuedBytes -= bytes.length;
    if (this.#queuedBytes <= QUEUED_BYTES_MAX) this.#source.resume();
    if (this.breaksAfterBytes === undefined || bytes.length <= this.breaksAfterBytes) {
      if (this.breaksAfterBytes !== undefined) this.breaksAfterBytes -= bytes.length;
      this.#isFull = !this.#destination.write(bytes);
      return;
    }
    this.#destination.write(bytes.subarray(0, this.breaksAfterBytes));
    this.abandon();
    this.#onBroken();
  }

  #dueMs(): number {
    return performance.now() + this.delayMs;
  }
}
