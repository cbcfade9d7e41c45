import { isUtf8 } from 'node:buffer';
import { z } from 'zod';
import { permissionBits, permissionLetters } from '../../zookeeper/permissions.js';
import type { AccessRule } from '../../ports/replica.js';
import { jsonText } from '../terminal.js';

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

const lastLine = z.strictObject({
  end: z.literal(true),
  /** Lines between the first one and this one. */
  lines: z.int().nonnegative(),
  digest: z.string(),
});

export type BackupHeader = z.output<typeof headerLine>;
type EntryLine = z.output<typeof entryLine>;
export type UnreadEntry = z.output<typeof unreadLine>;
export type BackupEnd = z.output<typeof lastLine>;

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

export function encodeHeader(header: BackupHeader): string {
  return jsonText(header);
}

export function encodeItem(item: BackupItem): string {
  if ('unread' in item) return jsonText(item);
  const { mapping, key, side: whose, value, flags, acl, session } = item;
  const shownAcl =
    typeof acl === 'object'
      ? acl.map((rule) => ({ ...rule, permissions: permissionLetters(rule.permissions) }))
      : acl;
  return jsonText({
    mapping,
    key,
    side: whose,
    ...contentOf(value),
    ...(flags !== 0n && { flags: String(flags) }),
    ...(shownAcl !== undefined && { acl: shownAcl }),
    ...(session !== undefined && { session }),
  });
}

export function encodeEnd(end: BackupEnd): string {
  return jsonText(end);
}

/** What is not UTF-8 to the last byte would not come back as it was. */
function contentOf(value: Uint8Array): { text: string } | { base64: string } {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  const text = isUtf8(bytes) ? bytes.toString('utf8') : undefined;
  return text === undefined || NOT_TEXT.test(text) ? { base64: bytes.toString('base64') } : { text };
}

/** @throws Error with what is wrong with the line */
export function decodeHeader(line: string): BackupHeader {
  const parsed = parseJson(line);
  const version = z.looseObject({ backup: z.number() }).safeParse(parsed).data?.backup;
  if (version === undefined) throw new Error('it does not begin with the header of a backup');
  if (version > BACKUP_FORMAT) {
    throw new Error(`it has format ${version}, which a newer version made; this one knows ${BACKUP_FORMAT}`);
  }
  return checked(headerLine, parsed);
}

/** @throws Error with what is wrong with the line */
export function decodeItem(line: string): BackupItem | BackupEnd {
  const parsed = parseJson(line);
  const isLast = typeof parsed === 'object' && parsed !== null && 'end' in parsed;
  if (isLast) return checked(lastLine, parsed);
  const isUnread = typeof parsed === 'object' && parsed !== null && 'unread' in parsed;
  return isUnread ? checked(unreadLine, parsed) : entryOf(checked(entryLine, parsed));
}

function entryOf({ text, base64, flags = 0n, acl, session, ...rest }: EntryLine): BackupEntry {
  const value = text === undefined ? Buffer.from(base64 ?? '', 'base64') : Buffer.from(text, 'utf8');
  return { ...rest, value, flags, acl, session };
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new Error('it is no JSON');
  }
}

function checked<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const path = issue?.path.join('.') ?? '';
  throw new Error(`${path === '' ? '' : `${path}: `}${issue?.message ?? 'it has another form'}`);
}
