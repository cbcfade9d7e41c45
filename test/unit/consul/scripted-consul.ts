import { ConsulClient } from '../../../src/consul/consul-client.js';
import { ConsulReplica } from '../../../src/consul/consul-replica.js';
import type { ConsulReplicaOptions } from '../../../src/consul/consul-replica.js';
import type { WatchState } from '../../../src/consul/parted-watch.js';
import { ScriptedHttpPeer } from '../../kit/scripted-http-peer.js';
import type { ReceivedRequest, Script, ScriptedAnswer } from '../../kit/scripted-http-peer.js';

export const NEVER = new AbortController().signal;

/** A replica of `config/` in front of a peer that plays Consul. */
export interface ScriptedConsul {
  readonly replica: ConsulReplica;
  readonly peer: ScriptedHttpPeer;
  /** Entries that a scan had to leave out, like `denied a`. */
  readonly unread: readonly string[];
  /** What became of the watch. */
  readonly watched: readonly WatchState[];
  dispose(): Promise<void>;
}

export async function scriptedConsul(
  script: Script,
  options: Partial<ConsulReplicaOptions> = {},
): Promise<ScriptedConsul> {
  const peer = await ScriptedHttpPeer.start(script);
  const client = new ConsulClient({ address: peer.address, requestTimeoutMs: 5_000 });
  const unread: string[] = [];
  const watched: WatchState[] = [];
  const replica = new ConsulReplica({
    client,
    prefix: 'config/',
    ledgerKey: 'zk-consul-sync/test/config',
    namespacePrefix: 'zk-consul-sync/',
    digest: (value) => Buffer.from(value).toString('hex'),
    clock: {
      nowMs: () => Date.now(),
      monotonicMs: () => performance.now(),
      // Pauses are proven where time is virtual; here they are only kept from being none.
      sleep: (ms) => new Promise((resolve) => setTimeout(resolve, Math.min(ms, 10))),
    },
    random: { next: () => 0.5 },
    onUnread: (keys, reason) => unread.push(...keys.map((key) => `${reason} ${key}`)),
    onWatch: (state) => watched.push(state),
    ...options,
  });
  const dispose = async () => {
    client.close();
    await peer.dispose();
  };
  return { replica, peer, unread, watched, dispose };
}

interface SentOperation {
  readonly Verb: string;
  readonly Key: string;
  readonly Index?: number;
}

/** The operations of a transaction as they arrived. */
export function operationsOf(request: ReceivedRequest): SentOperation[] {
  return (JSON.parse(request.body.toString()) as { KV: SentOperation }[]).map(({ KV }) => KV);
}

export function entry(key: string, value = 'v', modifyIndex = 7): object {
  const encoded = Buffer.from(value).toString('base64');
  return {
    KV: { Key: key, Value: encoded, Flags: 0, LockIndex: 0, CreateIndex: 5, ModifyIndex: modifyIndex },
  };
}

/** The answer to a transaction that passed. */
export function passed(...results: readonly object[]): ScriptedAnswer {
  return { body: JSON.stringify({ Results: results, Errors: null }) };
}

/** The answer to a transaction of which these operations failed. */
export function failed(...failures: readonly (readonly [position: number, what: string])[]): ScriptedAnswer {
  const Errors = failures.map(([OpIndex, What]) => ({ OpIndex, What }));
  return { status: 409, body: JSON.stringify({ Results: null, Errors }) };
}

/** The answer to `?keys`. */
export function listed(keys: readonly string[], index = 9): ScriptedAnswer {
  const headers = { 'x-consul-index': String(index), 'x-consul-knownleader': 'true' };
  return keys.length === 0 ? { status: 404, headers } : { headers, body: JSON.stringify(keys) };
}
