import { createServer } from 'node:net';

/** Below the range from which systems take the local ports of outgoing connections, which could take one of ours. */
const LOWEST_PORT = 20_000;
const HIGHEST_PORT = 31_999;
const ATTEMPTS_MAX = 200;

/**
 * Loopback ports on which nothing listens now. Another process may still be faster to bind one:
 * whoever starts a server on them must be ready to try again with others.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  for (let attempt = 0; attempt < ATTEMPTS_MAX && ports.size < count; attempt++) {
    const port = LOWEST_PORT + Math.floor(Math.random() * (HIGHEST_PORT - LOWEST_PORT + 1));
    if (await isFree(port)) ports.add(port);
  }
  if (ports.size < count)
    throw new Error(`found no ${String(count)} free ports from ${String(LOWEST_PORT)} on`);
  return [...ports];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => {
      resolve(false);
    });
    server.listen(port, '127.0.0.1', () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}
