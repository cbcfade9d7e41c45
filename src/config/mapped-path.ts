import { isLegalSegment } from '../core/key-codec.js';
import type { Parsed } from './problem.js';
import { parsed, refused } from './problem.js';

/** The daemon's own znodes, and ZooKeeper's. */
export const RESERVED_ZNODES = ['/zk-consul-sync', '/zookeeper'] as const;

/** The daemon's own keys. */
const RESERVED_PREFIX = 'zk-consul-sync';

/** Not sent in a URL unchanged, or cut out of it, so that a watch would look at another prefix. */
const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f-\u009f]/;

/** An absolute path as ZooKeeper's own rules allow it; a trailing slash is dropped. */
export function parseZooKeeperPath(text: string): Parsed<string> {
  if (!text.startsWith('/')) return refused('a path starts with "/"');
  const path = text.replace(/\/$/, '');
  if (path === '') return parsed('/');
  const illegal = path
    .slice(1)
    .split('/')
    .findIndex((segment) => !isLegalSegment(segment));
  if (illegal >= 0) return refused(`segment ${illegal + 1} of the path is empty or not legal in ZooKeeper`);
  return parsed(path);
}

/** The path of a mapped subtree. */
export function parseMappedPath(text: string): Parsed<string> {
  const path = parseZooKeeperPath(text);
  if (!path.ok) return path;
  const reserved = RESERVED_ZNODES.find((znode) => covers(znode, path.value));
  return reserved === undefined ? path : refused(`${reserved} is reserved and never mapped`);
}

/** A mapped prefix, without its trailing slash; empty for the whole store. */
export function parseMappedPrefix(text: string): Parsed<string> {
  if (text.startsWith('/')) return refused('Consul keys have no leading "/"');
  const prefix = text.replace(/\/$/, '');
  if (prefix === '') return parsed('');
  if (CONTROL_CHARACTERS.test(prefix)) return refused('the prefix has a control character');
  const bad = prefix.split('/').findIndex((segment) => /^\.{0,2}$/.test(segment));
  if (bad >= 0) return refused(`segment ${bad + 1} of the prefix is empty, "." or ".."`);
  return covers(RESERVED_PREFIX, prefix)
    ? refused(`${RESERVED_PREFIX}/ is reserved and never mapped`)
    : parsed(prefix);
}

/**
 * Whether `inner` is `outer` or lies below it. Whole segments count: `config` doesn't cover `configuration`.
 * Works for ZooKeeper paths, where `/` covers all, and for Consul prefixes, where the empty one does.
 */
export function covers(outer: string, inner: string): boolean {
  return outer === '' || outer === '/' || inner === outer || inner.startsWith(`${outer}/`);
}
