import { BlockList, isIP, isIPv6 } from 'node:net';

/** Where to listen. IPv6 addresses stand without brackets. */
export interface ListenAddress {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8);
LOOPBACK.addAddress('::1', 'ipv6');

/** Whether only programs of this machine have this address (IPv4 written as IPv6 included) or go by this name. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost') return true;
  const family = isIP(host);
  return family !== 0 && LOOPBACK.check(host, family === 6 ? 'ipv6' : 'ipv4');
}

/** As in a URL: `127.0.0.1:9464`, `[::1]:9464`. */
export function showAddress({ host, port }: ListenAddress): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

/** The host that a `Host` header names, in lower case and without its port; undefined when it names none. */
export function hostOfHeader(header: string): string | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::\d*)?$/.exec(header);
  return (match?.[1] ?? match?.[2])?.toLowerCase();
}
