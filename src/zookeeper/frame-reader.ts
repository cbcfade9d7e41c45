/** What comes of a frame: its body, or only its beginning when the whole was larger than the bound. */
export interface Frame {
  readonly body: Buffer;
  /** The frame's true length when `body` is only its beginning. */
  readonly truncatedFrom: number | undefined;
}

const LENGTH_BYTES = 4;
/** Enough for a reply header, so that the request whose reply was too large can be told. */
const KEPT_OF_TOO_LARGE_BYTES = 16;
/** Above this no length is believed: "HTTP" and a TLS record, read as a length, are 1.2 billion and 352 million. */
const PLAUSIBLE_BYTES_MAX = 256 * 1024 * 1024;

/** The bytes can't be the protocol's: another service answers on this port, or the stream is damaged. */
export class FrameError extends Error {}

/**
 * Splits a byte stream into frames of a 32-bit length and that many bytes. Holds at most one incomplete frame of
 * `bytesMax`; the rest of a larger one is thrown away while it arrives. Takes linear time, however a frame is cut.
 */
export class FrameReader {
  #chunks: Buffer[] = [];
  #held = 0;
  #skip = 0;

  /** @param bytesMax bound of a frame's length, asked for at each frame */
  constructor(private readonly bytesMax: () => number) {}

  /**
   * Takes what arrived, and gives back the frames that are complete with it. Ask for them one by one: the bound may
   * change between two frames.
   * @throws FrameError when the next frame's length is not plausible
   */
  *push(chunk: Buffer): Generator<Frame, void> {
    this.#add(chunk);
    for (let frame = this.#next(); frame !== undefined; frame = this.#next()) yield frame;
  }

  /** Forgets an incomplete frame: it belongs to a connection that is gone. */
  reset(): void {
    this.#chunks = [];
    this.#held = 0;
    this.#skip = 0;
  }

  #add(chunk: Buffer): void {
    const skipped = Math.min(this.#skip, chunk.length);
    this.#skip -= skipped;
    const rest = chunk.subarray(skipped);
    if (rest.length === 0) return;
    this.#chunks.push(rest);
    this.#held += rest.length;
  }

  #next(): Frame | undefined {
    if (this.#held < LENGTH_BYTES) return undefined;
    const length = this.#peekLength();
    if (length < 0 || length > PLAUSIBLE_BYTES_MAX) {
      throw new FrameError(`a frame of ${length} bytes was announced, which is not ZooKeeper's protocol`);
    }
    const isTooLarge = length > this.bytesMax();
    const wanted = isTooLarge ? Math.min(length, KEPT_OF_TOO_LARGE_BYTES) : length;
    if (this.#held < LENGTH_BYTES + wanted) return undefined;
    const body = this.#take(LENGTH_BYTES + wanted).subarray(LENGTH_BYTES);
    if (!isTooLarge) return { body, truncatedFrom: undefined };
    this.#drop(length - wanted);
    return { body, truncatedFrom: length };
  }

  #peekLength(): number {
    const [first] = this.#chunks;
    if (first !== undefined && first.length >= LENGTH_BYTES) return first.readInt32BE(0);
    return this.#joined().readInt32BE(0);
  }

  /** Removes the first `count` bytes, which are there. */
  #take(count: number): Buffer {
    const [first] = this.#chunks;
    const all = first !== undefined && first.length >= count ? first : this.#joined();
    const rest = all.subarray(count);
    if (rest.length === 0) this.#chunks.shift();
    else this.#chunks[0] = rest;
    this.#held -= count;
    return all.subarray(0, count);
  }

  #drop(count: number): void {
    const here = Math.min(count, this.#held);
    if (here > 0) this.#take(here);
    this.#skip = count - here;
  }

  #joined(): Buffer {
    const all = this.#chunks.length === 1 ? this.#chunks[0] : undefined;
    const joined = all ?? Buffer.concat(this.#chunks, this.#held);
    this.#chunks = [joined];
    return joined;
  }
}
