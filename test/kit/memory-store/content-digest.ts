import { createHash } from 'node:crypto';
import type { Digest } from '../../../src/core/observation.js';

/** Equal for equal bytes, whichever store they lie in. */
export function contentDigest(value: Uint8Array): Digest {
  return createHash('sha256').update(value).digest('base64url');
}
