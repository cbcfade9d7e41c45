import { createHash } from 'node:crypto';
import type { RawZooKeeper, ZnodeAcl } from '../../kit/servers/raw-zookeeper.js';
import { codeIn, sectionOf, tableIn, textOf } from '../../unit/docs/markdown.js';

const PAGE = textOf('docs/security.md');

/** The rules of the Consul policy below a heading of docs/security.md, one text each. */
export function documentedRules(heading: string): string[] {
  const [policy = ''] = codeIn(sectionOf(PAGE, heading), 'hcl');
  return policy.match(/^key_prefix .*$/gm) ?? [];
}

/** One row of the table below a heading of docs/security.md. */
export interface DocumentedAcl {
  /** `/config/...` stands for everything below /config. */
  readonly path: string;
  /** Of `crwda`. */
  readonly letters: string;
}

export function documentedAcls(heading: string): DocumentedAcl[] {
  return tableIn(sectionOf(PAGE, heading)).map(([path = '', letters = '']) => ({
    path: path.replaceAll('`', ''),
    letters: letters.replaceAll('`', ''),
  }));
}

/** The daemon's identity, and that of the tests, which may do everything. */
export const DAEMON = 'sync:a password';
const GUARDIAN = 'guardian:of everything';
export const GUARDIAN_DIGEST = GUARDIAN;

const BITS: Readonly<Record<string, number>> = { r: 1, w: 2, c: 4, d: 8, a: 16 };
const ALL = 31;

export function digestId(credentials: string): string {
  const [user = ''] = credentials.split(':');
  return `${user}:${createHash('sha1').update(credentials).digest('base64')}`;
}

/** Lets the daemon do what the letters say, and the tests everything. */
export function aclFor(letters: string): ZnodeAcl[] {
  const permissions = [...letters].reduce((bits, letter) => bits | (BITS[letter] ?? 0), 0);
  const guardian = { permissions: ALL, scheme: 'digest', id: digestId(GUARDIAN) };
  return permissions === 0 ? [guardian] : [guardian, { permissions, scheme: 'digest', id: digestId(DAEMON) }];
}

/** `zookeeper.acl` that gives what the daemon makes the permissions that are documented for entries. */
export const CREATED_ACL = [
  { scheme: 'digest', id: digestId(DAEMON), permissions: 'crwd' },
  { scheme: 'digest', id: digestId(GUARDIAN), permissions: 'crwda' },
];

/** Gives every znode that is there exactly what the table says, and all others (`/` first) to the tests alone. */
export async function applyAcls(zookeeper: RawZooKeeper, acls: readonly DocumentedAcl[]): Promise<void> {
  const lettersOf = new Map(acls.map(({ path, letters }) => [path, letters]));
  const paths = (await zookeeper.listTree('/')).filter((path) => !path.startsWith('/zookeeper'));
  for (const path of paths) {
    const below = path.startsWith('/config/') ? '/config/...' : path;
    await zookeeper.setAcl(path, aclFor(lettersOf.get(below) ?? ''));
  }
}
