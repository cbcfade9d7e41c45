import { createConnection } from 'node:net';
import type { WatcherReport, WatchingSession } from '../ports/cutover.js';
import type { ServerAddress } from './server-list.js';
import { showAddress } from './server-list.js';

export interface WatchersQuestion {
  readonly servers: readonly ServerAddress[];
  /** The whole path, the chroot included, without a slash at the end. */
  readonly path: string;
  /** Left out: those of the daemon itself, and of others of its instance, as `0x...`. */
  readonly ownSessions: readonly string[];
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 2_000;
const ANSWER_BYTES_MAX = 4 * 1024 * 1024;
const SERVERS_MAX = 9;
const SESSIONS_MAX = 20;

/**
 * Asks each server which sessions watch a path or anything below it: by the four-letter words `wchp` and `cons`, over
 * plain connections. Each server knows of its own clients only, and of watches on nodes, not of those on lists of
 * children. Never throws: who does not tell is listed.
 */
export async function whoWatches(question: WatchersQuestion, signal: AbortSignal): Promise<WatcherReport> {
  const asked = question.servers.slice(0, SERVERS_MAX);
  const answers = await Promise.all(asked.map((server) => askServer(server, question, signal)));
  const sessions = new Map<string, WatchingSession>();
  const untold = question.servers.slice(SERVERS_MAX).map((server) => `${showAddress(server)} was not asked`);
  for (const answer of answers) {
    if (typeof answer === 'string') untold.push(answer);
    else for (const one of answer) sessions.set(one.session, one);
  }
  return { sessions: [...sessions.values()].slice(0, SESSIONS_MAX), total: sessions.size, untold };
}

/** @returns what it tells, or why it does not */
async function askServer(
  server: ServerAddress,
  { path, ownSessions, timeoutMs = TIMEOUT_MS }: WatchersQuestion,
  signal: AbortSignal,
): Promise<readonly WatchingSession[] | string> {
  const name = showAddress(server);
  try {
    const watches = await fourLetterWord(server, 'wchp', timeoutMs, signal);
    if (/is not in the whitelist|is not executed/.test(watches)) {
      return `${name} does not execute wchp: add wchp and cons to 4lw.commands.whitelist in its zoo.cfg`;
    }
    const bySession = watchesBelow(watches, path);
    for (const session of ownSessions) bySession.delete(normalized(session));
    if (bySession.size === 0) return [];
    const connections = await fourLetterWord(server, 'cons', timeoutMs, signal).catch(() => '');
    const addresses = addressesIn(connections);
    return [...bySession].map(([session, paths]) => ({ session, address: addresses.get(session), paths }));
  } catch (error) {
    return `${name} does not answer wchp: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** How many watched paths of each session are `path` or below it. A path stands in a line, then sessions, indented. */
export function watchesBelow(wchp: string, path: string): Map<string, number> {
  const found = new Map<string, number>();
  let isBelow = false;
  for (const line of wchp.split('\n')) {
    if (line.startsWith('/')) {
      isBelow = path === '' || line === path || line.startsWith(`${path}/`);
      continue;
    }
    const session = /^\s+(0x[0-9a-f]+)\s*$/i.exec(line)?.[1];
    if (session === undefined || !isBelow) continue;
    const name = normalized(session);
    found.set(name, (found.get(name) ?? 0) + 1);
  }
  return found;
}

/** Where each session is connected from: ` /10.0.0.7:51432[1](queued=0,...,sid=0x1000...,...)`. */
export function addressesIn(cons: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const [, address = '', session = ''] of cons.matchAll(
    /^\s*\/(\S+?)\[\d+\]\(.*?sid=(0x[0-9a-f]+)/gim,
  )) {
    found.set(normalized(session), address);
  }
  return found;
}

function normalized(session: string): string {
  return `0x${session.toLowerCase().replace(/^0x0*/, '')}`;
}

function fourLetterWord(
  { host, port }: ServerAddress,
  word: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const enough = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    const socket = createConnection({ host, port });
    const giveUp = (): void => void socket.destroy(new Error(`no whole answer within ${timeoutMs} ms`));
    enough.addEventListener('abort', giveUp, { once: true });
    socket.once('connect', () => socket.write(word));
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > ANSWER_BYTES_MAX)
        socket.destroy(new Error(`its answer is above ${ANSWER_BYTES_MAX} bytes`));
      else chunks.push(chunk);
    });
    socket.once('error', reject);
    socket.once('close', () => {
      enough.removeEventListener('abort', giveUp);
      resolve(Buffer.concat(chunks).toString('utf8'));
    });
  });
}
