import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameError, FrameReader } from '../../../src/zookeeper/frame-reader.js';
import { buffer, int } from '../../kit/scripted-zookeeper-peer.js';

describe('FrameReader', () => {
  it('gives the same frames however the bytes are cut into chunks', () => {
    const frames = fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 12 });
    const cuts = fc.array(fc.nat({ max: 40 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(frames, cuts, (bodies, sizes) => {
        const stream = Buffer.concat(bodies.map((body) => buffer(Buffer.from(body))));
        const read = readAll(new FrameReader(() => 1_000), cut(stream, sizes));
        expect(read).toEqual(bodies.map((body) => Buffer.from(body).toString('hex')));
      }),
    );
  });

  it('gives the beginning of a frame above the bound, and the next one whole, however they are cut', () => {
    const cuts = fc.array(fc.nat({ max: 90 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(cuts, fc.integer({ min: 51, max: 2_000 }), (sizes, length) => {
        const large = Buffer.alloc(length, 1);
        const stream = Buffer.concat([buffer(large), buffer(Buffer.from('next'))]);
        const reader = new FrameReader(() => 50);
        const read = cut(stream, sizes).flatMap((chunk) => [...reader.push(chunk)]);
        expect(read.map(({ truncatedFrom }) => truncatedFrom)).toEqual([length, undefined]);
        expect(read[0]?.body).toEqual(large.subarray(0, 16));
        expect(read[1]?.body.toString()).toBe('next');
      }),
    );
  });

  it('takes a frame of 64 MiB in small chunks in linear time', () => {
    const chunk = Buffer.alloc(1_024, 5);
    const chunks = 65_536;
    const reader = new FrameReader(() => 64 * 1024 * 1024);
    let frames = [...reader.push(int(chunks * chunk.length))];
    for (let i = 0; i < chunks; i++) frames = [...frames, ...reader.push(chunk)];
    expect(frames.map(({ body }) => body.length)).toEqual([chunks * chunk.length]);
  });

  it.each([
    ['HTTP', Buffer.from('HTTP/1.1 400')],
    ['a TLS record', Buffer.from([0x16, 3, 3, 0, 100])],
    ['a negative length', int(-5)],
  ])('takes %s for another protocol', (_, bytes) => {
    expect(() => [...new FrameReader(() => 1_000).push(bytes)]).toThrow(FrameError);
  });

  it('starts anew after a reset', () => {
    const reader = new FrameReader(() => 50);
    expect([...reader.push(Buffer.concat([int(100), Buffer.from('too large and')]))]).toHaveLength(0);
    expect([...reader.push(Buffer.from(' not all here'))]).toHaveLength(1);
    reader.reset();
    expect(readAll(reader, [buffer(Buffer.from('new'))])).toEqual([Buffer.from('new').toString('hex')]);
  });
});

function readAll(reader: FrameReader, chunks: readonly Buffer[]): string[] {
  return chunks.flatMap((chunk) => [...reader.push(chunk)].map(({ body }) => body.toString('hex')));
}

/** Cuts a stream into chunks of the sizes given, over and over. */
function cut(stream: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  for (let from = 0, i = 0; from < stream.length; i++) {
    const size = (sizes[i % sizes.length] ?? 0) + 1;
    chunks.push(stream.subarray(from, from + size));
    from += size;
  }
  return chunks;
}
