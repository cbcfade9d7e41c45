import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { ConsulClient } from '../../../src/consul/consul-client.js';
import type { ConsulClientOptions } from '../../../src/consul/consul-client.js';
import { ConsulReplica } from '../../../src/consul/consul-replica.js';
import type { ConsulReplicaOptions } from '../../../src/consul/consul-replica.js';
import type { Clock, Random } from '../../../src/ports/clock.js';

export const NEVER = new AbortController().signal;

export const digest = (value: Uint8Array): string => createHash('sha256').update(value).digest('base64');

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: (ms, signal) => delay(ms, undefined, { signal }).catch(() => undefined),
};

export const systemRandom: Random = { next: () => Math.random() };

/** A client of a real server, counting its requests. */
export class CountingClient {
  readonly requests = new Map<string, number>();
  readonly client: ConsulClient;

  constructor(address: string, options: Partial<ConsulClientOptions> = {}) {
    this.client = new ConsulClient({
      address: new URL(address),
      ...options,
      onRequest: (operation, result, seconds) => {
        const label = `${operation} ${result}`;
        this.requests.set(label, (this.requests.get(label) ?? 0) + 1);
        options.onRequest?.(operation, result, seconds);
      },
    });
  }

  count(label: string): number {
    return this.requests.get(label) ?? 0;
  }
}

/** A replica of a prefix of its own, or of the given one. */
export function replicaOf(client: ConsulClient, options: Partial<ConsulReplicaOptions> = {}): ConsulReplica {
  const name = randomUUID();
  return new ConsulReplica({
    client,
    prefix: `mapped-${name}/`,
    ledgerKey: `zk-consul-sync/test/${name}`,
    namespacePrefix: 'zk-consul-sync/',
    digest,
    clock: systemClock,
    random: systemRandom,
    ...options,
  });
}
