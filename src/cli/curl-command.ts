import type { HoldRequest } from '../admin/hold-advice.js';
import { isLoopbackHost } from '../config/network-address.js';
import { TOKEN_VARIABLE } from './admin-client.js';
import { shellWord } from './printable.js';
import { jsonText } from './terminal.js';

/** A command to copy that makes the request. */
export function curlCommand(
  adminUrl: string,
  mapping: string,
  key: string | null,
  { action, body }: HoldRequest,
): string {
  const data = action === 'release' ? { key, ...body } : body;
  const isLocal = isLoopbackHost(new URL(adminUrl).hostname.replace(/^\[|\]$/g, ''));
  return [
    "curl -X POST -H 'Content-Type: application/json'",
    ...(isLocal ? [] : [`-H "Authorization: Bearer $${TOKEN_VARIABLE}"`]),
    ...(data === undefined ? [] : [`-d ${shellWord(jsonText(data))}`]),
    shellWord(`${adminUrl}/api/v1/mappings/${encodeURIComponent(mapping)}/${action}`),
  ].join(' ');
}
