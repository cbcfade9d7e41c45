import { describe, expect, it } from 'vitest';
import { Secret } from '../../../src/config/secret.js';
import { createLogger } from '../../../src/logging/logger.js';
import type { LoggerOptions } from '../../../src/logging/logger.js';
import { SyncError } from '../../../src/ports/errors.js';

const HIDDEN = 'hunter2';

function logTo(options: Partial<LoggerOptions> = {}) {
  const lines: string[] = [];
  const logger = createLogger(
    { level: 'info', format: 'json', ...options },
    { write: (line) => lines.push(line) },
  );
  return {
    logger,
    lines,
    /** The last line, read as a machine reads it. */
    last: () => JSON.parse(lines.at(-1)!) as Record<string, unknown>,
  };
}

describe('the log as JSON', () => {
  it('has one line for each message, with its level, time, message and fields', () => {
    const { logger, lines, last } = logTo();
    logger.info({ entries: 3 }, 'first\nline');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^[^\n]*\n$/);
    expect(last()).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string,
      entries: 3,
      msg: 'first\nline',
    });
  });

  it('names the component and the mapping in the lines of children', () => {
    const { logger, last } = logTo();
    logger.child({ component: 'sync' }).child({ mapping: 'config' }).warn({}, 'slow');
    expect(last()).toMatchObject({ level: 'warn', component: 'sync', mapping: 'config', msg: 'slow' });
  });

  it('leaves out what is less severe than its level', () => {
    const { logger, lines } = logTo({ level: 'warn' });
    const child = logger.child({ mapping: 'config' });
    child.debug({}, 'no');
    child.info({}, 'no');
    child.warn({}, 'yes');
    child.error({}, 'yes');
    expect(lines).toHaveLength(2);
  });

  it('does not interpret a message: a key in it may look like a placeholder', () => {
    const { logger, last } = logTo();
    logger.info({ a: 1 }, 'the key %s%d%j is left alone');
    expect(last()['msg']).toBe('the key %s%d%j is left alone');
  });

  it('shows 64-bit numbers to the last digit', () => {
    const { logger, lines } = logTo();
    logger.info({ version: 9_007_199_254_740_993n }, 'seen');
    expect(lines[0]).toContain('9007199254740993');
  });
});

describe.each(['json', 'pretty'] as const)('secrets in the log as %s', (format) => {
  it.each<[string, Record<string, unknown>]>([
    ['as a Secret', { setting: new Secret(HIDDEN) }],
    ['as a Secret deep inside', { config: { zookeeper: { auth: { a: { b: [new Secret(HIDDEN)] } } } } }],
    ['as a token', { token: HIDDEN }],
    ['as a token inside', { consul: { token: HIDDEN, tls: { password: HIDDEN } } }],
    ['as credentials', { auth: { credentials: HIDDEN } }],
    ['in the header of a request', { request: { headers: { authorization: `Bearer ${HIDDEN}` } } }],
    ['hung on an error', { err: Object.assign(new Error('failed'), { config: { token: HIDDEN } }) }],
    [
      'hung on the cause of an error',
      { err: new Error('failed', { cause: Object.assign(new Error('inner'), { response: HIDDEN }) }) },
    ],
  ])('are not shown %s', (_where, fields) => {
    const { logger, lines } = logTo({ format });
    logger.info(fields, 'connected');
    logger.child(fields).error({}, 'failed');
    expect(lines.join()).toContain('connected');
    expect(lines.join()).not.toContain(HIDDEN);
  });

  it('leave what was logged unchanged', () => {
    const { logger } = logTo({ format });
    const settings = { token: HIDDEN, inner: { token: HIDDEN } };
    logger.info({ settings }, 'read');
    expect(settings).toEqual({ token: HIDDEN, inner: { token: HIDDEN } });
  });
});

describe.each(['json', 'pretty'] as const)('what keys and answers bring into the log as %s', (format) => {
  const HOSTILE =
    'a\n[2026-01-01 00:00:00.000] ERROR: forged\r\x1b[31mred\x7f\x9b2J\u202egpj.exe\u200b\u2028\ud800<b>"\'';

  it('is on one line for each message, without anything that a terminal would obey or hide', () => {
    const { logger, lines } = logTo({ format });
    const refused = new SyncError('STORE_DENIED', `denied: ${HOSTILE}`, {
      cause: new SyncError('REFUSED', HOSTILE),
    });
    logger
      .child({ mapping: HOSTILE })
      .warn({ key: HOSTILE, keys: [HOSTILE], err: refused }, `no: ${HOSTILE}`);
    expect(lines).toHaveLength(1);
    expect(lines[0]!.trimEnd().replaceAll(/\n {4,}|\n$/g, '')).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
    expect(lines[0]).not.toMatch(/^\[2026-01-01/m);
  });

  it('does not forge lines by the message of an error with a stack', () => {
    const { logger, lines } = logTo({ format });
    logger.error({ err: new TypeError(HOSTILE) }, 'failed');
    expect(
      lines
        .join('')
        .trimEnd()
        .split(/\n(?! {4,})/),
    ).toHaveLength(1);
  });
});

describe('a hostile key in the log as JSON', () => {
  it('is the same key for whoever parses the line', () => {
    const { logger, last } = logTo();
    const key = 'a\n\x1b\x7f\x9b\u202e\u2028\ud800"\\u202e';
    logger.info({ key }, key);
    expect(last()).toMatchObject({ key, msg: key });
  });
});

describe('errors in the log', () => {
  it('have their type, code, message and causes', () => {
    const { logger, last } = logTo();
    const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    const err = new SyncError('STORE_UNREACHABLE', 'Consul does not answer', { cause: refused });
    logger.error({ err }, 'cannot write');
    expect(last()['err']).toMatchObject({
      type: 'SyncError',
      code: 'STORE_UNREACHABLE',
      message: 'Consul does not answer',
      cause: { type: 'Error', code: 'ECONNREFUSED', message: 'connect ECONNREFUSED' },
    });
  });

  it('show a stack where nobody expected them, and none where they were thrown on purpose', () => {
    const { logger, last } = logTo();
    logger.error({ err: new TypeError('x is not a function') }, 'failed');
    expect((last()['err'] as { stack: string }).stack).toContain('logger.test.ts');
    logger.error({ err: new SyncError('ABORTED', 'stopped') }, 'failed');
    expect(last()['err']).not.toHaveProperty('stack');
  });

  it('may be anything that can be thrown', () => {
    const { logger, last } = logTo();
    logger.error({ err: 'a text' }, 'failed');
    expect(last()['err']).toEqual({ type: 'string', message: 'a text' });
    logger.error({ err: undefined }, 'failed');
    expect(last()['msg']).toBe('failed');
  });

  it('S9: may be their own cause', () => {
    const { logger, lines } = logTo();
    const err = new SyncError('ABORTED', 'round and round');
    err.cause = err;
    logger.error({ err }, 'failed');
    expect(lines[0]!.length).toBeLessThan(2_000);
  });
});

describe('the log as text', () => {
  it('is written before the call returns, so that a crash loses none of it', () => {
    const { logger, lines } = logTo({ format: 'pretty' });
    logger.info({ mapping: 'config', entries: 3 }, 'reconciled');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(
      /^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\] .*INFO.*reconciled.*"mapping":"config".*\n$/,
    );
  });
});
