import { randomUUID } from 'node:crypto';
import type { ConsulRequest } from '../consul-client.js';
import type { CatalogClient } from './catalog-client.js';

/** What Consul says to anybody where nobody may be refused anything, and without namespaces that a list leaves out. */
const SAYINGS: readonly (Pick<ConsulRequest, 'path' | 'query'> & { readonly says: string })[] = [
  { path: '/v1/acl/token/self', says: 'ACL support disabled' },
  { path: '/v1/catalog/services', query: ['ns=default'], says: 'Namespaces are a Consul Enterprise feature' },
];
/** Whatever Consul has to say: other versions do so with other statuses. */
const STATUSES = [200, 400, 401, 403, 404];

/**
 * How many services a node has, where the answer is certain to lack none; undefined where it may.
 *
 * Consul leaves out of its lists what a token may not read, and does not say so (1.8.7; from 1.11 on a header does, but
 * not to everybody). A token that nobody has is known to no server that has access control: "ACL not found". One that shows
 * it the node refuses nothing to anybody. What the agent says of itself is no proof, since it may have access control
 * off where its servers have it on; it is asked for the case that something in between replaces tokens.
 * @throws ConsulError
 */
export async function servicesInWholeView(
  client: CatalogClient,
  node: string,
  signal: AbortSignal,
): Promise<number | undefined> {
  const token = randomUUID();
  for (const { says, ...question } of SAYINGS) {
    const common = { operation: 'other', method: 'GET', accepts: STATUSES, repeatable: true } as const;
    const { status, body } = await client.consul.request({ ...common, ...question, token }, signal);
    // A service may be called whatever somebody likes.
    if (status === 200 || !body.includes(says)) return undefined;
  }
  return (await client.servicesOn(node, signal, token))?.length;
}
