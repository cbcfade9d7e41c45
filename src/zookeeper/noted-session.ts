import type { SessionIdentity } from './client-seam.js';

const ID_BYTES = 8;
const PASSWORD_BYTES = 16;

/**
 * A session as text. Its password is no secret that would protect anything: servers make it of the session's id, which
 * every ephemeral node tells, and say themselves that it carries no weight (`ZooKeeperServer.superSecret`).
 */
export function encodeIdentity({ id, password }: SessionIdentity): Buffer {
  const session = `0x${id.readBigUInt64BE().toString(16)}`;
  return Buffer.from(JSON.stringify({ session, password: password.toString('base64') }));
}

/** Undefined for what is no such text. */
export function decodeIdentity(data: Uint8Array): SessionIdentity | undefined {
  const { session, password } = parsed(Buffer.from(data).toString('utf8'));
  if (typeof session !== 'string' || !/^0x[0-9a-f]{1,16}$/.test(session)) return undefined;
  if (typeof password !== 'string') return undefined;
  const id = Buffer.alloc(ID_BYTES);
  id.writeBigUInt64BE(BigInt(session));
  const bytes = Buffer.from(password, 'base64');
  return bytes.length === PASSWORD_BYTES ? { id, password: bytes } : undefined;
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
