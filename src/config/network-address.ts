import { BlockList, isIP, isIPv6 } from 'node:net';
import type { Parsed } from './problem.js';
import { parsed, refused } from './problem.js';

/** One place to connect to or listen on. IPv6 addresses stand without brackets. */
export interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8);
LOOPBACK.addAddress('::1', 'ipv6');

/** Reads `host:port` or `[::1]:port`. */
export function parseHostAndPort(text: string, defaultPort?: number): Parsed<HostAndPort> {
  if (isIPv6(text)) return refused('an IPv6 address needs brackets: [::1]:PORT');
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(.*))?$/.exec(text);
  if (match === null) return refused('not in the form of host:port');
  const [, bracketed, name, portText] = match;
  const host = bracketed ?? name ?? '';
  if (host === '') return refused('the host is missing');
  const valid = bracketed === undefined ? /^[A-Za-z0-9._-]+$/.test(host) : isIPv6(host);
  if (!valid) return refused('the host is neither a name nor an address');
  if (portText === undefined) {
    return defaultPort === undefined ? refused('the port is missing') : parsed({ host, port: defaultPort });
  }
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : Number.NaN;
  return port <= 65_535 ? parsed({ host, port }) : refused('the port is no number from 0 to 65535');
}

export function formatHostAndPort({ host, port }: HostAndPort): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

/** Where the admin server listens, or undefined when it is `off`. */
export function parseListenAddress(text: string): Parsed<HostAndPort | undefined> {
  if (text === 'off') return parsed(undefined);
  if (/^:\d*$/.test(text)) return refused('the host is missing; 0.0.0.0 listens on all interfaces');
  return parseHostAndPort(text);
}

/** Whether only programs of this machine can reach an address with this host. */
export function isLoopbackHost(host: string): boolean {
  if (host === 'localhost') return true;
  const family = isIP(host);
  return family !== 0 && LOOPBACK.check(host, family === 6 ? 'ipv6' : 'ipv4');
}
