import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { readLine } from '../../../src/cli/read-line.js';

const NEVER = new AbortController().signal;

describe('the answer to a question', () => {
  it('is one line, however it arrives', async () => {
    const input = new PassThrough();
    const answer = readLine(input, NEVER);
    for (const part of ['con', 'fig\r', '\nmore\n']) input.write(part);
    expect(await answer).toBe('config');
  });

  it('is none when the input ends, or nobody answers in time', async () => {
    const ended = new PassThrough();
    ended.end();
    expect(await readLine(ended, NEVER)).toBeUndefined();
    expect(await readLine(new PassThrough(), AbortSignal.timeout(20))).toBeUndefined();
  });
});
