import { isUtf8 } from 'node:buffer';
import { z } from 'zod';
import { permissionBits, permissionLetters } from '../../zookeeper/permissions.js';
import type { AccessRule } from '../../ports/replica.js';
import type { LineForms } from '../sealed-reading.js';
import { checked, requireFormat } from '../sealed-reading.js';

/**
 * A backup is a text of JSON lines: a header, a line for each entry in the order of keys, and a last line that tells how
 * many there are, with a digest of all lines before it. Whoever cuts or alters it is found out.
 */
export const BACKUP_FORMAT = 1;

/** Whose content a line has. An entry on which the sides differ has a line for each. */
export type BackupSide = 'both' | 'zookeeper' | 'consul';

const side = z.enum(['both', 'zookeeper', 'consul']);

const headerLine = z.strictObject({
  backup: z.literal(BACKUP_FORMAT),
  madeAt: z.iso.datetime(),
  /** The version of the program. */
  madeBy: z.string(),
  instance: z.string(),
  /** The mappings whose entries follow, in this order, with what was read of them. */
  mappings: z
    .array(z.strictObject({ name: z.string(), zookeeper: z.string(), consul: z.string(), side }))
    .min(1),
});

const accessRule = z
  .strictObject({ scheme: z.string(), id: z.string(), permissions: z.string().regex(/^[crwda]*$/) })
  .transform(({ permissions, ...rest }): AccessRule => ({
    ...rest,
    permissions: permissionBits(permissions),
  }));

const FLAGS_MAX = 2n ** 64n - 1n;

const entryLine = z
  .strictObject({
    mapping: z.string(),
    key: z.string(),
    side,
    text: z.string().optional(),
    base64: z.base64().optional(),
    /** Consul's, as text: JSON numbers lose bits above 2^53. 0 where missing. */
    flags: z
      .string()
      .regex(/^\d{1,20}$/)
      .transform(BigInt)
      .refine((flags) => flags <= FLAGS_MAX, 'has more than 64 bits')
      .optional(),
    /** ZooKeeper's; `hidden` where the server does not show all of it. */
    acl: z.union([z.literal('hidden'), z.array(accessRule)]).optional(),
    /** Where a session owned it. */
    session: side.optional(),
  })
  .refine(({ text, base64 }) => (text === undefined) !== (base64 === undefined), {
    message: 'has to have either text or base64',
  });

/** An entry that was there and could not be read, or below which that is so. */
const unreadLine = z.strictObject({
  mapping: z.string(),
  key: z.string(),
  side,
  unread: z.string(),
});

export type BackupHeader = z.output<typeof headerLine>;
type EntryLine = z.output<typeof entryLine>;
export type UnreadEntry = z.output<typeof unreadLine>;

export interface BackupEntry {
  readonly mapping: string;
  readonly key: string;
  readonly side: BackupSide;
  readonly value: Uint8Array;
  readonly flags: bigint;
  readonly acl: readonly AccessRule[] | 'hidden' | undefined;
  readonly session: BackupSide | undefined;
}

export type BackupItem = BackupEntry | UnreadEntry;

/** Control characters that no text has. */
const NOT_TEXT = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/;

/** The line of an item, still to be made text. */
export function encodeItem(item: BackupItem): object {
  if ('unread' in item) return item;
  const { mapping, key, side: whose, value, flags, acl, session } = item;
  const shownAcl =
    typeof acl === 'object'
      ? acl.map((rule) => ({ ...rule, permissions: permissionLetters(rule.permissions) }))
      : acl;
  return {
    mapping,
    key,
    side: whose,
    ...contentOf(value),
    ...(flags !== 0n && { flags: String(flags) }),
    ...(shownAcl !== undefined && { acl: shownAcl }),
    ...(session !== undefined && { session }),
  };
}

/** What is not UTF-8 to the last byte would not come back as it was. */
function contentOf(value: Uint8Array): { text: string } | { base64: string } {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  const text = isUtf8(bytes) ? bytes.toString('utf8') : undefined;
  return text === undefined || NOT_TEXT.test(text) ? { base64: bytes.toString('base64') } : { text };
}

/** How a backup is read. */
export const BACKUP_LINES: LineForms<BackupHeader, BackupItem> = {
  use: 'restored',
  header: (line) => {
    requireFormat(line, 'backup', BACKUP_FORMAT);
    return checked(headerLine, line);
  },
  item: (line, header) => {
    const item = decodeItem(line);
    if (header.mappings.some(({ name }) => name === item.mapping)) return item;
    throw new Error(`mapping: the header does not name ${JSON.stringify(item.mapping)}`);
  },
};

function decodeItem(line: unknown): BackupItem {
  const isUnread = typeof line === 'object' && line !== null && 'unread' in line;
  return isUnread ? checked(unreadLine, line) : entryOf(checked(entryLine, line));
}

function entryOf({ text, base64, flags = 0n, acl, session, ...rest }: EntryLine): BackupEntry {
  const value = text === undefined ? Buffer.from(base64 ?? '', 'base64') : Buffer.from(text, 'utf8');
  return { ...rest, value, flags, acl, session };
}
