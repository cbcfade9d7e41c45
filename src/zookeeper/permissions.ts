import type { AclEntry } from './protocol.js';

/** ZooKeeper's permission bits (`ZooDefs.Perms`), by the letters of its shell. */
const PERMISSION_BITS: ReadonlyMap<string, number> = new Map([
  ['c', 4],
  ['r', 1],
  ['w', 2],
  ['d', 8],
  ['a', 16],
]);

const READ = 1;
export const ALL_PERMISSIONS = 31;

export function permissionBits(letters: string): number {
  return [...letters].reduce((bits, letter) => bits | (PERMISSION_BITS.get(letter) ?? 0), 0);
}

/** `crwda`, or as many of these letters as are set. */
export function permissionLetters(permissions: number): string {
  return [...PERMISSION_BITS].map(([letter, bit]) => ((permissions & bit) === 0 ? '' : letter)).join('');
}

/** Whether everybody who reaches the server may read a node with this ACL. */
export function isReadableToAll(acl: readonly AclEntry[]): boolean {
  return acl.some(
    ({ scheme, id, permissions }) => scheme === 'world' && id === 'anyone' && (permissions & READ) !== 0,
  );
}
