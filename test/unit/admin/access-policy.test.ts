import type { IncomingHttpHeaders } from 'node:http';
import { describe, expect, it } from 'vitest';
import { AccessPolicy } from '../../../src/admin/access-policy.js';
import type { Access } from '../../../src/admin/access-policy.js';
import { ApiError } from '../../../src/admin/api-error.js';

const TOKEN = 'correct horse bättery';
/** As Node reads it: the bytes of UTF-8, each as one character. */
const SENT_TOKEN = Buffer.from(TOKEN).toString('latin1');
const JSON_TYPE = { 'content-type': 'application/json' };

interface Case {
  readonly access?: Access;
  readonly token?: string | undefined;
  readonly onLoopback?: boolean;
  readonly listenHost?: string;
  readonly remoteAddress?: string | undefined;
  readonly headers?: IncomingHttpHeaders;
}

/** A change from this machine to a server on loopback, unless the case says otherwise. */
function answerTo(case_: Case): string {
  const {
    access = 'change',
    token = TOKEN,
    onLoopback = true,
    listenHost = '127.0.0.1',
    remoteAddress = '127.0.0.1',
  } = { ...case_ };
  const policy = new AccessPolicy({
    token: 'token' in case_ ? case_.token : token,
    listenHost,
    listensOnLoopback: () => onLoopback,
  });
  const headers = { host: '127.0.0.1:9464', ...JSON_TYPE, ...case_.headers };
  try {
    policy.check(access, {
      headers,
      remoteAddress: 'remoteAddress' in case_ ? case_.remoteAddress : remoteAddress,
    });
    return 'passes';
  } catch (error) {
    if (error instanceof ApiError) return error.code;
    throw error;
  }
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

describe('who may change something', () => {
  const remote = { onLoopback: false, remoteAddress: '10.0.0.7', headers: { host: 'sync.internal:9464' } };

  it.each<[string, string, Case]>([
    ['this machine on loopback, without the token', 'passes', {}],
    ['this machine on loopback, where no token is set', 'passes', { token: undefined }],
    ['this machine on IPv6 loopback', 'passes', { remoteAddress: '::1' }],
    ['this machine on loopback, as IPv4 in IPv6', 'passes', { remoteAddress: '::ffff:127.0.0.1' }],
    ['this machine on loopback, with the token', 'passes', { headers: bearer(SENT_TOKEN) }],
    ['this machine on loopback, with a wrong token', 'TOKEN_WRONG', { headers: bearer('wrong') }],
    ['loopback, but the address of the client is unknown', 'TOKEN_MISSING', { remoteAddress: undefined }],
    ['loopback, but the client is somewhere else', 'TOKEN_MISSING', { remoteAddress: '10.0.0.7' }],
    ['a proxy on this machine', 'TOKEN_MISSING', { headers: { 'x-forwarded-for': '10.0.0.7' } }],
    ['a proxy on this machine that says so', 'TOKEN_MISSING', { headers: { forwarded: 'for=10.0.0.7' } }],
    ['this machine, while the server listens on all addresses', 'TOKEN_MISSING', { onLoopback: false }],
    [
      'another machine with the token',
      'passes',
      { ...remote, headers: { ...remote.headers, ...bearer(SENT_TOKEN) } },
    ],
    ['another machine without the token', 'TOKEN_MISSING', remote],
    ['another machine, where no token is set', 'TOKEN_NOT_SET', { ...remote, token: undefined }],
    [
      'another machine with a token, where none is set',
      'TOKEN_NOT_SET',
      { ...remote, token: undefined, headers: bearer('anything') },
    ],
    [
      'another machine with the empty token',
      'TOKEN_WRONG',
      { ...remote, headers: { authorization: 'Bearer ' } },
    ],
    [
      'another machine with a part of the token',
      'TOKEN_WRONG',
      { ...remote, headers: bearer('correct horse') },
    ],
    [
      'another machine with another kind of login',
      'TOKEN_MISSING',
      { ...remote, headers: { authorization: 'Basic dXNlcjpwYXNz' } },
    ],
  ])('%s: %s', (_who, expected, case_) => {
    expect(answerTo(case_)).toBe(expected);
  });
});

describe('pages of other sites', () => {
  it.each<[string, string, IncomingHttpHeaders]>([
    ['another origin', 'CROSS_SITE', { origin: 'https://evil.example' }],
    ['another port of this machine', 'CROSS_SITE', { origin: 'http://127.0.0.1:3000' }],
    ['no origin that could be told (a sandboxed frame, a file)', 'CROSS_SITE', { origin: 'null' }],
    ['another site', 'CROSS_SITE', { 'sec-fetch-site': 'cross-site' }],
    ['a sibling of this site', 'CROSS_SITE', { 'sec-fetch-site': 'same-site' }],
    ['its own page', 'passes', { origin: 'http://127.0.0.1:9464', 'sec-fetch-site': 'same-origin' }],
    ['the address bar', 'passes', { 'sec-fetch-site': 'none' }],
    ['a form', 'JSON_REQUIRED', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['a form that poses as text', 'JSON_REQUIRED', { 'content-type': 'text/plain; application/json' }],
    ['no content type', 'JSON_REQUIRED', { 'content-type': undefined }],
    ['JSON with its character set', 'passes', { 'content-type': 'Application/JSON; charset=utf-8' }],
  ])('%s: %s', (_who, expected, headers) => {
    expect(answerTo({ headers })).toBe(expected);
  });

  it('are refused with the token, too', () => {
    expect(answerTo({ headers: { ...bearer(SENT_TOKEN), origin: 'https://evil.example' } })).toBe(
      'CROSS_SITE',
    );
  });

  it('can not have the stores work by a picture or a link either', () => {
    const headers = { 'sec-fetch-site': 'cross-site', 'content-type': undefined };
    expect(answerTo({ access: 'trusted', headers })).toBe('CROSS_SITE');
  });

  it('may link to the status', () => {
    const headers = { 'sec-fetch-site': 'cross-site', 'content-type': undefined };
    expect(answerTo({ access: 'read', headers })).toBe('passes');
  });
});

describe('names that a server on loopback answers to', () => {
  it.each<[string, string]>([
    ['localhost', 'passes'],
    ['LocalHost:9464', 'passes'],
    ['127.0.0.1:9464', 'passes'],
    ['127.8.8.8', 'passes'],
    ['[::1]:9464', 'passes'],
    ['config-sync:9464', 'passes'],
    ['evil.example', 'HOST_REFUSED'],
    ['evil.example:9464', 'HOST_REFUSED'],
    ['127.0.0.1.evil.example', 'HOST_REFUSED'],
    ['localhost.evil.example', 'HOST_REFUSED'],
    ['evil.example@127.0.0.1', 'HOST_REFUSED'],
    ['10.0.0.7:9464', 'HOST_REFUSED'],
    ['[::1]evil.example', 'HOST_REFUSED'],
    ['', 'HOST_REFUSED'],
  ])('%j: %s', (host, expected) => {
    for (const access of ['read', 'trusted', 'change'] as const) {
      expect(answerTo({ access, listenHost: 'Config-Sync', headers: { host } }), access).toBe(expected);
    }
  });

  it('are any with the token, which no foreign page has', () => {
    expect(answerTo({ headers: { host: 'proxy.internal', ...bearer(SENT_TOKEN) } })).toBe('passes');
  });

  it('are any on other addresses, where status is open to the network', () => {
    expect(answerTo({ access: 'read', onLoopback: false, headers: { host: 'sync.prod.svc' } })).toBe(
      'passes',
    );
  });
});

describe('other kinds of access', () => {
  const remote = { onLoopback: false, remoteAddress: '10.0.0.7', token: undefined };

  it('leaves health and metrics open to everyone, by any name', () => {
    const headers = { host: 'evil.example', origin: 'https://evil.example', 'content-type': undefined };
    expect(answerTo({ access: 'open', ...remote, headers })).toBe('passes');
  });

  it('shows values and has the stores work only for those who may change something', () => {
    expect(answerTo({ access: 'read', ...remote })).toBe('passes');
    expect(answerTo({ access: 'trusted', ...remote })).toBe('TOKEN_NOT_SET');
    expect(answerTo({ access: 'trusted', headers: { 'content-type': undefined } })).toBe('passes');
  });
});
