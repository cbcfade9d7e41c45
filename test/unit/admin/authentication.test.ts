import { describe, expect, it } from 'vitest';
import { runServer } from './running-server.js';

const TOKEN = 'a-token-of-the-test';
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const pause = '/api/v1/mappings/config/pause';
const trusted = [
  '/api/v1/mappings/config/conflicts/17',
  '/api/v1/mappings/config/explain?key=a',
  '/api/v1/mappings/config/changes',
  '/api/v1/mappings/config/resync?from=merge',
];
const readable = [
  '/',
  '/metrics',
  '/livez',
  '/readyz',
  '/api/v1/status',
  '/api/v1/mappings/config',
  '/api/v1/mappings/config/conflicts',
  '/api/v1/mappings/config/history',
  '/api',
  '/ui/admin/page/style.css',
];

describe('a server on all addresses', () => {
  it('carries out changes with the token only, also from this machine', async () => {
    const { post, control } = await runServer({ host: '0.0.0.0', token: TOKEN });
    expect(await post(pause)).toMatchObject({ status: 401, json: { code: 'TOKEN_MISSING' } });
    expect(await post(pause, {}, bearer('wrong'))).toMatchObject({
      status: 401,
      json: { code: 'TOKEN_WRONG' },
    });
    expect(control.config.calls).toEqual([]);
    expect((await post(pause, {}, bearer(TOKEN))).status).toBe(200);
    expect(control.config.calls).toEqual([['pause']]);
  });

  it('refuses all changes while no token is set, and says so', async () => {
    const { post, control } = await runServer({ host: '0.0.0.0' });
    expect(await post(pause, {}, bearer('any'))).toMatchObject({
      status: 403,
      json: { code: 'TOKEN_NOT_SET' },
    });
    expect(control.config.calls).toEqual([]);
  });

  it('says which kind of login it wants', async () => {
    const { post } = await runServer({ host: '0.0.0.0', token: TOKEN });
    expect((await post(pause)).headers['www-authenticate']).toBe('Bearer');
  });

  it('shows status to everyone, but values and what has the stores work to nobody without the token', async () => {
    const { get, head, control } = await runServer({ host: '0.0.0.0', token: TOKEN });
    for (const path of readable) expect((await get(path)).status, path).toBe(200);
    for (const path of trusted) {
      expect((await get(path)).status, path).toBe(401);
      expect((await head(path)).status, `HEAD ${path}`).toBe(401);
    }
    expect(control.config.calls.filter(([name]) => name !== 'conflicts')).toEqual([]);
    for (const path of trusted) {
      expect((await get(path, { headers: bearer(TOKEN) })).status, path).not.toBe(401);
    }
  });
});

describe('a server on loopback', () => {
  it.each(['127.0.0.1', 'localhost'])('needs no token on %s', async (host) => {
    const { post, get, server } = await runServer({ host, token: TOKEN });
    expect(server.address).toMatch(new RegExp(`^http://${host}:\\d+$`));
    expect((await post(pause)).status).toBe(200);
    for (const path of readable) expect((await get(path)).status, path).toBe(200);
  });

  it('refuses a wrong token nonetheless, so that nobody takes it for the right one', async () => {
    const { post } = await runServer({ token: TOKEN });
    expect((await post(pause, {}, bearer('wrong'))).status).toBe(401);
  });

  it.each<[string, Record<string, string>, number, string]>([
    ['of another site', { origin: 'https://evil.example' }, 403, 'CROSS_SITE'],
    ['by another site, as the browser says', { 'sec-fetch-site': 'cross-site' }, 403, 'CROSS_SITE'],
    ['under a name that was rebound to this machine', { host: 'evil.example' }, 403, 'HOST_REFUSED'],
    ['as forms send it', { 'content-type': 'text/plain' }, 415, 'JSON_REQUIRED'],
    ['by a proxy', { 'x-forwarded-for': '10.0.0.7' }, 403, 'TOKEN_NOT_SET'],
  ])('refuses a change that is made %s', async (_how, headers, status, code) => {
    const { post, control, logger } = await runServer();
    expect(await post(pause, {}, headers)).toMatchObject({ status, json: { code } });
    expect(control.config.calls).toEqual([]);
    expect(logger.lines.at(-1)).toMatchObject({
      level: 'warn',
      fields: { code, remoteAddress: '127.0.0.1' },
    });
  });

  it('shows its status to no page under a name that was rebound to this machine', async () => {
    const { get } = await runServer();
    const headers = { host: 'evil.example' };
    expect(await get('/api/v1/status', { headers })).toMatchObject({
      status: 403,
      json: { code: 'HOST_REFUSED' },
    });
    expect((await get('/metrics', { headers })).status).toBe(200);
  });
});

describe('every answer', () => {
  it('is kept by no cache, allows nothing in a browser, and names no origin that may read it', async () => {
    const { get } = await runServer();
    for (const path of ['/api', '/api/v1/status', '/nope']) {
      const { headers } = await get(path, { headers: { origin: 'https://evil.example' } });
      expect(headers, path).toMatchObject({
        'cache-control': 'no-store',
        'content-security-policy':
          "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        'x-content-type-options': 'nosniff',
      });
      expect(headers, path).not.toHaveProperty('access-control-allow-origin');
    }
  });

  it('takes no token from the query, and logs none that was put there', async () => {
    const { get, post, send, logger, control } = await runServer({ host: '0.0.0.0', token: TOKEN });
    for (const name of ['token', 'access_token', 'authorization']) {
      const query = `?${name}=${encodeURIComponent(TOKEN)}`;
      expect(await post(`${pause}${query}`), name).toMatchObject({ json: { code: 'TOKEN_MISSING' } });
      expect(await get(`${trusted[0]}${query}`), name).toMatchObject({ json: { code: 'TOKEN_MISSING' } });
      await send('DELETE', `/api/v1/nowhere${query}`);
    }
    control.alive = () => {
      throw new Error('unforeseen');
    };
    expect((await get(`/livez?token=${TOKEN}`)).status).toBe(500);
    expect(logger.lines).toContainEqual(expect.objectContaining({ level: 'error' }));
    expect(JSON.stringify(logger.lines)).not.toContain(TOKEN);
  });

  it('never has the token in it, nor does the log', async () => {
    const { get, post, logger } = await runServer({ host: '0.0.0.0', token: TOKEN });
    const answers = [await get('/'), await get('/api/v1/status'), await post(pause, {}, bearer(`${TOKEN}x`))];
    expect(answers.map(({ text }) => text).join()).not.toContain(TOKEN);
    expect(JSON.stringify(logger.lines)).not.toContain(TOKEN);
  });
});
