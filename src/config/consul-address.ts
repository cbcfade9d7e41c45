import { parseHostAndPort } from './network-address.js';
import type { Parsed } from './problem.js';
import { parsed, refused } from './problem.js';

/** Where Consul's HTTP API answers. */
export interface ConsulAddress {
  /** Undefined where the text named none, as Consul's own tools allow (`127.0.0.1:8500`). */
  readonly scheme: 'http' | 'https' | undefined;
  /** `host` or `host:port`; without a port it is the scheme's own (80, 443), as for Consul's tools. */
  readonly authority: string;
}

const HTTP_PORT = 80;

/** Reads `http://127.0.0.1:8500`, `https://consul.example:8501` or `127.0.0.1:8500`. */
export function parseConsulAddress(text: string): Parsed<ConsulAddress> {
  const [, prefix, rest = ''] = /^(?:([a-z][a-z0-9+.-]*):\/\/)?([^]*)$/i.exec(text) ?? [];
  const scheme = prefix?.toLowerCase();
  if (scheme !== undefined && scheme !== 'http' && scheme !== 'https') {
    return refused(`${scheme}:// is not supported`);
  }
  const authority = rest.replace(/\/$/, '');
  if (authority.includes('@'))
    return refused('credentials in the address are not supported: use consul.token');
  if (/[/?#]/.test(authority)) return refused('the address ends after the port, without a path');
  const host = parseHostAndPort(authority, HTTP_PORT);
  return host.ok ? parsed({ scheme, authority }) : host;
}
