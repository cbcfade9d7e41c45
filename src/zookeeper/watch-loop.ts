import type { EntryKey } from '../core/observation.js';
import type { Clock, Random } from '../ports/clock.js';
import type { HintListener } from '../ports/replica.js';
import { HintBuffer } from './hint-buffer.js';
import type { MappingPaths } from './mapping-paths.js';
import { NodeWatches } from './node-watches.js';
import { PersistentWatch, type SubtreeListener, type SubtreeWatch } from './subtree-watch.js';
import type { ZooKeeperSession } from './zookeeper-session.js';

export interface WatchOptions {
  readonly session: ZooKeeperSession;
  readonly paths: MappingPaths;
  readonly clock: Clock;
  readonly random: Random;
  /** Bound of what is watched node by node, on servers before 3.6. */
  readonly watchedNodesMax: number;
  /** Told once per connection when that bound is met: changes beyond it are found by rescans only. */
  readonly onPartialWatch: (nodesMax: number) => void;
}

const RETRY_DELAY_MS = 1_000;
/** How often a watch that does not cover everything asks for a rescan. */
const PARTIAL_RESCAN_MS = 60_000;

/**
 * Keeps a mapping watched, connection after connection: arms, then asks for a rescan, since what changed before the
 * watch was armed is told by no event. Ends when `signal` aborts; never throws.
 */
export async function watchForever(
  options: WatchOptions,
  listener: HintListener,
  signal: AbortSignal,
): Promise<void> {
  const hints = new HintBuffer((keys: readonly EntryKey[]) => listener.changed(keys));
  let reason: 'start' | 'reconnect' = 'start';
  const armed = () => {
    listener.rescan(reason);
    reason = 'reconnect';
  };
  while (!signal.aborted) {
    try {
      await watchOneConnection(options, listener, hints, armed, signal);
      if (!signal.aborted) listener.lost(whyLost(options.session));
    } catch (error) {
      if (signal.aborted) break;
      // Whatever it was, it only means that the watch has to be armed again.
      listener.lost(error instanceof Error ? error.message : String(error));
      const delayMs = RETRY_DELAY_MS * (0.5 + options.random.next() / 2);
      await options.clock.sleep(delayMs, signal);
    }
  }
  hints.flush();
}

function whyLost({ state, server }: ZooKeeperSession): string {
  if (state.kind === 'connected') return `the watch on ${server} has to be armed again`;
  const cause = state.kind === 'disconnected' ? state.cause : undefined;
  return `the connection to ${server} was lost: ${cause?.message ?? state.kind}`;
}

/** Returns when the connection is over or the watch has holes. */
async function watchOneConnection(
  options: WatchOptions,
  listener: HintListener,
  hints: HintBuffer,
  armed: () => void,
  signal: AbortSignal,
): Promise<void> {
  const { session, clock } = options;
  const { connection } = await session.whenConnected(signal);
  const over = new AbortController();
  const end = () => over.abort();
  const unlistenState = session.onState(end);
  signal.addEventListener('abort', end, { once: true });
  let unlistenEvents = () => {};
  try {
    const { persistentWatch } = await session.capabilities(over.signal);
    if (session.connections !== connection) return;
    const told: SubtreeListener = { changed: (key) => hints.add(key), broken: end };
    const watch = makeWatch(options, persistentWatch, told, over.signal);
    unlistenEvents = session.onEvent((event) => watch.onEvent(event));
    await watch.arm(over.signal);
    hints.flush();
    armed();
    if (watch.isPartial) options.onPartialWatch(options.watchedNodesMax);
    while (!over.signal.aborted) {
      await clock.sleep(PARTIAL_RESCAN_MS, over.signal);
      if (watch.isPartial && !over.signal.aborted) listener.rescan('overflow');
    }
  } finally {
    end();
    unlistenState();
    unlistenEvents();
    signal.removeEventListener('abort', end);
  }
}

function makeWatch(
  options: WatchOptions,
  persistent: boolean,
  told: SubtreeListener,
  signal: AbortSignal,
): SubtreeWatch {
  const { session, paths, watchedNodesMax } = options;
  if (persistent) return new PersistentWatch(session, paths, told);
  return new NodeWatches(session, paths, told, watchedNodesMax, signal);
}
