import { readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { ApiError } from './api-error.js';
import { parseInput } from './route.js';
import type { AdminRoute, RouteContext } from './route.js';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};
/** Modules outside the page's folder that it imports. */
const SHARED = ['admin/hold-advice.js', 'core/printable-text.js'];
const PAGE = 'admin/page/';

/** The page loads what it needs from this server, and nothing from elsewhere; what is not listed it can't do. */
const PAGE_HEADERS = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join('; '),
};

const assetPath = z.object({ '*': z.string() });

/** The status page: files of the package, read once. */
export function pageRoutes({ program }: RouteContext): readonly AdminRoute[] {
  const assets = readAssets(program);
  const send = (name: string): { type: string; body: Buffer } => {
    const body = assets.get(name);
    if (body === undefined) throw new ApiError('NOT_FOUND', 'The status page has no such file.');
    return { type: TYPES[extname(name)] ?? 'application/octet-stream', body };
  };
  return [
    {
      method: 'GET',
      path: '/',
      access: 'read',
      summary: 'the status page',
      handle: (_request, reply) => {
        const { type, body } = send(`${PAGE}index.html`);
        return reply.type(type).headers(PAGE_HEADERS).send(body);
      },
    },
    {
      method: 'GET',
      path: '/ui/*',
      access: 'read',
      summary: 'the files of the status page',
      handle: (request, reply) => {
        const { '*': name } = parseInput(assetPath, request.params, 'path');
        const { type, body } = send(name);
        return reply.type(type).headers(PAGE_HEADERS).send(body);
      },
    },
  ];
}

/** By their paths below the folder of this program, so that the modules find each other as they do there. */
function readAssets(root: URL): ReadonlyMap<string, Buffer> {
  const inPage = readdirSync(fileURLToPath(new URL(PAGE, root)), { recursive: true, encoding: 'utf8' })
    .filter((name) => Object.hasOwn(TYPES, extname(name)))
    .map((name) => `${PAGE}${name}`);
  return new Map([...inPage, ...SHARED].flatMap((name) => readAsset(name, root)));
}

/** The sources have no compiled modules; tests of the server alone run from them. */
function readAsset(name: string, root: URL): Array<[string, Buffer]> {
  try {
    return [[name, readFileSync(new URL(name, root))]];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
