import { randomBytes } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { mkdir, open, readdir, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { SyncError } from '../ports/errors.js';

/**
 * Makes sure that one process at a time has a directory.
 *
 * Every process that wants it listens on a Unix socket of its own in the directory, and then connects to all others
 * there. It has the directory when none of them takes the connection; otherwise it gives way. Since each one listens
 * before it looks around, of two processes at least one sees the other, and they never both have it. (Of two that come
 * at the very same time, both may give way: that is the safe side.)
 *
 * A listening socket is the kernel's own word that a process lives: it is gone with `kill -9`, a reused process id
 * means nothing, and the file that stays behind refuses connections. The kernel finds the socket by its file, so that
 * containers that share a volume on one host see each other, whatever their process and network namespaces are.
 *
 * Not covered are two hosts on one network file system, which can't see each other's sockets (there, the ledgers in the
 * stores fence off the older one), and somebody who removes the lock's files under a living holder: `isHeld` tells the
 * holder then, and it must stop.
 */
export interface ProcessLock {
  /** Whether the lock's file is still in its place, so that others see it. Cheap. */
  isHeld(): boolean;
  release(): Promise<void>;
}

const SOCKET_SUFFIX = '.sock';
const ANSWER_TIMEOUT_MS = 1_000;
const ANSWER_BYTES_MAX = 1_000;
/** The kernel takes 107 bytes for a socket's path; other systems a few less. */
const SOCKET_PATH_BYTES_MAX = 100;

/** @throws SyncError `ARCHIVE_LOCKED`, naming the process that has the directory */
export async function lockDirectory(directory: string): Promise<ProcessLock> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const own = await OwnSocket.listen(directory);
  try {
    const { living, dead } = await own.lookAround();
    if (living !== undefined) throw lockedError(directory, describe(living));
    // Somebody who came at the same time may have taken this socket for a dead one before it listened, and removed it.
    if (!own.isInPlace()) throw lockedError(directory, 'a process that came at the same time');
    for (const name of dead) await rm(join(directory, name), { force: true });
  } catch (error) {
    await own.close();
    throw error;
  }
  return { isHeld: () => own.isInPlace(), release: () => own.close() };
}

/** A socket that took a connection, and what its process said of itself: nothing when it is busy, or when not allowed. */
interface LivingSocket {
  readonly name: string;
  readonly holder: Holder | undefined;
}

interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly since: string;
}

function describe({ name, holder }: LivingSocket): string {
  const { pid, host, since } = holder ?? {};
  if (pid === undefined) return `process ${parseInt(name, 10)}, which does not answer`;
  return `process ${pid} on host ${host}, since ${since}`;
}

function lockedError(directory: string, who: string): SyncError {
  return new SyncError(
    'ARCHIVE_LOCKED',
    `The archive is in use by ${who} (its lock is in ${directory}). Only one process at a time may have it: stop the other one, or give this one an archive.path of its own.`,
  );
}

/** This process's own socket. As long as it listens, others give way. */
class OwnSocket {
  private readonly since = new Date().toISOString();
  private readonly server: Server = createServer((peer) => this.answer(peer));
  private inode: number | undefined;

  private constructor(
    private readonly directory: string,
    /** Kept open, since a path through it is short enough for the kernel where the plain one is too long. */
    private readonly handle: Awaited<ReturnType<typeof open>>,
    readonly name: string,
  ) {}

  static async listen(directory: string): Promise<OwnSocket> {
    const name = `${process.pid}-${randomBytes(6).toString('hex')}${SOCKET_SUFFIX}`;
    const own = new OwnSocket(directory, await open(directory), name);
    try {
      await new Promise<void>((resolve, reject) => {
        // Later ones (a connection that could not be accepted) change nothing: whoever tried knows that somebody listens.
        own.server.on('error', reject);
        own.server.listen({ path: own.socketPath(name), exclusive: true }, resolve);
      });
      own.server.unref();
      own.inode = own.inodeInPlace();
    } catch (error) {
      await own.close();
      throw error;
    }
    return own;
  }

  async lookAround(): Promise<{ living: LivingSocket | undefined; dead: readonly string[] }> {
    const names = await readdir(this.directory);
    const others = names.filter((name) => name.endsWith(SOCKET_SUFFIX) && name !== this.name);
    const found = await Promise.all(others.map((name) => connectTo(this.socketPath(name), name)));
    return {
      living: found.find((socket) => socket !== undefined),
      dead: others.filter((_, index) => found[index] === undefined),
    };
  }

  isInPlace(): boolean {
    return this.inode !== undefined && this.inode === this.inodeInPlace();
  }

  async close(): Promise<void> {
    await new Promise((resolve) => this.server.close(resolve));
    await rm(join(this.directory, this.name), { force: true });
    await this.handle.close();
  }

  private inodeInPlace(): number | undefined {
    return lstatSync(join(this.directory, this.name), { throwIfNoEntry: false })?.ino;
  }

  private socketPath(name: string): string {
    const path = join(this.directory, name);
    if (Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX) return path;
    return join('/proc/self/fd', String(this.handle.fd), name);
  }

  private answer(peer: Socket): void {
    const holder: Holder = { pid: process.pid, host: hostname(), since: this.since };
    peer.on('error', () => peer.destroy());
    peer.setTimeout(ANSWER_TIMEOUT_MS, () => peer.destroy());
    peer.end(JSON.stringify(holder));
  }
}

/** Who listens at a socket; undefined when certainly nobody does. */
function connectTo(path: string, name: string): Promise<LivingSocket | undefined> {
  return new Promise((resolve) => {
    let answer = '';
    const peer = connect(path);
    const somebody = (): void => {
      peer.destroy();
      resolve({ name, holder: parseHolder(answer) });
    };
    peer.setEncoding('utf8');
    peer.setTimeout(ANSWER_TIMEOUT_MS, somebody);
    peer.on('data', (part: string) => {
      answer += part;
      if (answer.length > ANSWER_BYTES_MAX) somebody();
    });
    peer.on('end', somebody);
    peer.on('error', (error: NodeJS.ErrnoException) => {
      // Nobody listens, or the file is gone. Anything else (no permission, too many waiting) does not prove that.
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(undefined);
      else somebody();
    });
  });
}

function parseHolder(answer: string): Holder | undefined {
  try {
    const { pid, host, since } = JSON.parse(answer) as Partial<Record<keyof Holder, unknown>>;
    return { pid: Number(pid), host: String(host), since: String(since) };
  } catch {
    return undefined;
  }
}
