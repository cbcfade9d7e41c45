import { crc32 } from 'node:zlib';

/**
 * LMDB has no checksums of its own: a bit that flips on the disk would go unseen. Every value is therefore stored behind
 * the CRC-32 of its key and itself, so that neither a damaged value nor one that belongs to another key is believed.
 */

const SEAL_BYTES = 4;

export function sealValue(key: Uint8Array, value: Uint8Array): Buffer {
  const sealed = Buffer.allocUnsafe(SEAL_BYTES + value.length);
  sealed.writeUInt32LE(checksum(key, value));
  sealed.set(value, SEAL_BYTES);
  return sealed;
}

/** The value as it was sealed, a view into `sealed`; undefined when it is not what was sealed under this key. */
export function unsealValue(key: Uint8Array, sealed: Buffer): Buffer | undefined {
  if (sealed.length < SEAL_BYTES) return undefined;
  const value = sealed.subarray(SEAL_BYTES);
  return sealed.readUInt32LE() === checksum(key, value) ? value : undefined;
}

/** The key, which is never empty, comes last: zlib takes no bytes at all for the wish to begin anew. */
function checksum(key: Uint8Array, value: Uint8Array): number {
  return crc32(key, crc32(value));
}
