import { isIPv6 } from 'node:net';
import type { Random } from '../ports/clock.js';

export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

export interface ServerList {
  readonly servers: readonly ServerAddress[];
  /** The path in front of every path of this connection, without a trailing slash; empty when there is none. */
  readonly chroot: string;
}

const DEFAULT_PORT = 2181;

/**
 * Reads ZooKeeper's connection string: `zk1:2181,zk2:2181/chroot`. A host may be a name, an IPv4 address or an
 * IPv6 address in brackets; the port is 2181 unless said otherwise.
 * @throws RangeError naming the part that is wrong
 */
export function parseServerList(connect: string): ServerList {
  const slash = connect.indexOf('/');
  const hosts = slash < 0 ? connect : connect.slice(0, slash);
  const path = slash < 0 ? '' : connect.slice(slash);
  const servers = hosts
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map(parseAddress);
  if (servers.length === 0) throw new RangeError(`no ZooKeeper server is named in "${connect}"`);
  return { servers, chroot: parseChroot(path) };
}

/** Shows an address as it would be written in a connection string. */
export function showAddress({ host, port }: ServerAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The servers in random order, so that many clients spread over an ensemble (Fisher and Yates). */
export function shuffleServers(servers: readonly ServerAddress[], random: Random): ServerAddress[] {
  const shuffled = [...servers];
  for (let i = shuffled.length - 1; i > 0; i--) {
    const j = Math.floor(random.next() * (i + 1));
    const [a, b] = [shuffled[i], shuffled[j]];
    if (a !== undefined && b !== undefined) [shuffled[i], shuffled[j]] = [b, a];
  }
  return shuffled;
}

function parseAddress(text: string): ServerAddress {
  const match = /^(?:\[(?<v6>[^\]]+)\]|(?<name>[^:[\]\s]+))(?::(?<port>\d+))?$/.exec(text);
  const host = match?.groups?.['v6'] ?? match?.groups?.['name'];
  const port = Number(match?.groups?.['port'] ?? DEFAULT_PORT);
  const isBracketed = match?.groups?.['v6'] !== undefined;
  if (host === undefined || (isBracketed && !isIPv6(host))) {
    throw new RangeError(`"${text}" is no ZooKeeper server address: write host:port or [IPv6]:port`);
  }
  if (port < 1 || port > 65_535) throw new RangeError(`"${text}" has no valid port: it must be 1 to 65535`);
  return { host, port };
}

function parseChroot(path: string): string {
  const chroot = path.replace(/\/$/, '');
  if (/\/\/|\/\.\.?(\/|$)/.test(chroot)) throw new RangeError(`"${path}" is no valid ZooKeeper chroot`);
  return chroot;
}
