import type { MarkerPlace } from '../ports/canary.js';
import type { ConsulClient } from './consul-client.js';
import { kvPath } from './kv-keys.js';
import { encodeTransaction } from './transaction.js';

/** The canary's markers in Consul. */
export class MarkerKeys implements MarkerPlace {
  constructor(
    private readonly client: ConsulClient,
    /** `written` here; `arriving` from the other store. */
    private readonly keys: { readonly written: string; readonly arriving: string },
  ) {}

  async write(marker: string, signal: AbortSignal): Promise<void> {
    await this.client.request(
      {
        operation: 'write',
        method: 'PUT',
        path: kvPath(this.keys.written),
        body: Buffer.from(marker),
        accepts: [200],
        repeatable: true,
      },
      signal,
    );
  }

  async read(signal: AbortSignal): Promise<string | undefined> {
    const { arriving: key } = this.keys;
    const body = encodeTransaction([{ verb: 'get', key }]);
    const answer = await this.client.transact(body, { reads: true, operation: 'read' }, signal);
    // It fails for a key that is not there.
    const entry = answer.kind === 'passed' ? answer.entries.get(key) : undefined;
    return entry && Buffer.from(entry.value).toString('utf8');
  }
}
