import { setTimeout as delay } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import type { Clock, Random } from '../../../src/ports/clock.js';
import type { SessionState, ZooKeeperSessionOptions } from '../../../src/zookeeper/reconnecting-client.js';
import { ZooKeeperSession } from '../../../src/zookeeper/zookeeper-session.js';
import { ScriptedZooKeeperPeer } from '../../kit/scripted-zookeeper-peer.js';

export const NEVER = new AbortController().signal;

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: (ms, signal) => delay(ms, undefined, { signal }).catch(() => undefined),
};

export const systemRandom: Random = { next: () => Math.random() };

/** A session that was not started yet. */
export function newSession(
  server: { readonly connect: string },
  options: Partial<ZooKeeperSessionOptions> = {},
): ZooKeeperSession {
  return new ZooKeeperSession({
    connect: server.connect,
    sessionTimeoutMs: 10_000,
    clock: systemClock,
    random: systemRandom,
    ...options,
  });
}

/** A session that begins to connect. */
export function startSession(
  server: { readonly connect: string },
  options: Partial<ZooKeeperSessionOptions> = {},
): ZooKeeperSession {
  const session = newSession(server, options);
  session.start();
  return session;
}

/** A peer that is gone after the test. */
export async function startPeer(tls?: { cert: string; key: string }): Promise<ScriptedZooKeeperPeer> {
  const peer = await ScriptedZooKeeperPeer.start(tls);
  onTestFinished(() => peer.close());
  return peer;
}

/** A session to a peer, with all states that it went through; closed after the test. */
export function sessionTo(
  peer: { readonly connect: string },
  options: Partial<ZooKeeperSessionOptions> = {},
): { session: ZooKeeperSession; states: SessionState[] } {
  const session = startSession(peer, options);
  const states: SessionState[] = [];
  session.onState((state) => states.push(state));
  onTestFinished(() => session.close());
  return { session, states };
}
