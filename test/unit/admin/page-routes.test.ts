import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runServer } from './running-server.js';

const PAGE = new URL('../../../src/admin/page/', import.meta.url);
const sources = readdirSync(PAGE).map((name) => ({ name, url: new URL(name, PAGE) }));
const textsOf = (ending: RegExp) =>
  sources
    .filter(({ name }) => ending.test(name))
    .map(({ name, url }) => ({ name, text: readFileSync(url, 'utf8') }));

describe('GET /', () => {
  it('is a page that may load from this server alone, and run nothing that stands in it', async () => {
    const { get } = await runServer();
    const { status, headers } = await get('/');
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    const policy = String(headers['content-security-policy']);
    expect(policy).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self'; /);
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain('unsafe');
    expect(headers['cache-control']).toBe('no-store');
  });

  it('refuses names that a page of another site may have got for this address', async () => {
    const { get } = await runServer();
    const answer = await get('/', { headers: { host: 'evil.example' } });
    expect(answer).toMatchObject({ status: 403, json: { code: 'HOST_REFUSED' } });
  });
});

describe('GET /ui/', () => {
  it('gives the files of the page by their types', async () => {
    const { get } = await runServer();
    expect((await get('/ui/admin/page/style.css')).headers['content-type']).toBe('text/css; charset=utf-8');
    expect((await get('/ui/admin/page/icon.svg')).headers['content-type']).toBe('image/svg+xml');
  });

  it.each([
    '/ui/',
    '/ui/main.js',
    '/ui/admin/server.js',
    '/ui/admin/page/../server.ts',
    '/ui/admin/page/..%2f..%2f..%2fpackage.json',
    '/ui/..%2f..%2f..%2f..%2f..%2f..%2fetc%2fpasswd',
    '/ui//etc/passwd',
    '/ui/admin/page/tsconfig.json',
  ])('gives nothing else: %s', async (path) => {
    const { get } = await runServer();
    expect(await get(path)).toMatchObject({ status: 404, json: { code: 'NOT_FOUND' } });
  });
});

describe('the sources of the page', () => {
  it('load nothing from elsewhere', () => {
    for (const { name, text } of textsOf(/\.(html|css|svg)$/)) {
      const addresses = [...text.matchAll(/(?:src|href)="([^"]*)"|url\(([^)]*)\)|@import/g)];
      const foreign = addresses.filter(
        (address) => !/^ui\/admin\/page\/[a-z-]+\.\w+$/.test(address[1] ?? ''),
      );
      expect({ name, foreign: foreign.map((address) => address[0]) }).toEqual({ name, foreign: [] });
    }
  });

  it('never make markup of text', () => {
    const texts = textsOf(/\.ts$/);
    expect(texts.length).toBeGreaterThan(10);
    for (const { name, text } of texts) {
      expect({ name, found: /innerHTML|outerHTML|insertAdjacent|document\.write/i.exec(text) }).toEqual({
        name,
        found: null,
      });
    }
  });
});
