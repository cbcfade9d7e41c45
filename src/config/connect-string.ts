import type { HostAndPort } from './network-address.js';
import { formatHostAndPort, parseHostAndPort } from './network-address.js';
import { RESERVED_ZNODES, covers, parseZooKeeperPath } from './mapped-path.js';
import type { Parsed } from './problem.js';
import { parsed, refused } from './problem.js';

/** ZooKeeper's own client port, for servers named without one. */
const DEFAULT_PORT = 2181;

/** A ZooKeeper ensemble, and the path below which everything happens. */
export interface ConnectString {
  readonly servers: readonly HostAndPort[];
  /** Without a trailing slash; empty when there is none. */
  readonly chroot: string;
}

/** Reads `zk1:2181,zk2:2181/chroot`. */
export function parseConnectString(text: string): Parsed<ConnectString> {
  const slash = text.indexOf('/');
  const hosts = slash < 0 ? text : text.slice(0, slash);
  const path = slash < 0 ? '/' : text.slice(slash);
  if (/,.*:\d/.test(path)) return refused('the chroot stands once, behind the last server');
  const chroot = parseZooKeeperPath(path);
  if (!chroot.ok) return refused(`the chroot is no ZooKeeper path: ${chroot.problem}`);
  const reserved = RESERVED_ZNODES.find((znode) => covers(znode, chroot.value));
  if (reserved !== undefined) return refused(`the chroot lies inside ${reserved}, which is reserved`);
  const servers: HostAndPort[] = [];
  for (const [index, part] of hosts.split(',').entries()) {
    const server = parseHostAndPort(part.trim(), DEFAULT_PORT);
    if (!server.ok) return refused(`server ${index + 1} of the list: ${server.problem}`);
    if (server.value.port === 0) return refused(`server ${index + 1} of the list: port 0 can't be reached`);
    servers.push(server.value);
  }
  return parsed({ servers, chroot: chroot.value === '/' ? '' : chroot.value });
}

/** The form that ZooKeeper clients take. */
export function formatConnectString({ servers, chroot }: ConnectString): string {
  return servers.map(formatHostAndPort).join(',') + chroot;
}
