import { setTimeout as sleep } from 'node:timers/promises';
import type { SeededRandom } from '../kit/memory-store/seeded-random.js';
import { RawConsul } from '../kit/servers/raw-consul.js';
import { RawZooKeeper } from '../kit/servers/raw-zookeeper.js';
import type { MappingPlace } from './chaos-stage.js';
import type { ClientWrites } from './client-writes.js';

/**
 * Clients whose entries live and die with a session. Nobody writes over them, and nobody can say when a session has
 * ended, so their writes count as of unknown outcome: what is judged is that mirrors come and go with the originals.
 */

const KEYS = 6;
const HELD_MAX_MS = 4_000;
const PAUSE_MAX_MS = 1_000;
const AFTER_ERROR_MS = 500;
const SESSION_TIMEOUT_MS = 2_000;
/** The shortest that Consul takes. It ends a session up to twice as late. */
const SESSION_TTL = '10s';

/** Announces itself by an ephemeral znode, and leaves in good order or by a crash. */
export async function holdEphemerals(
  connect: string,
  mappings: readonly MappingPlace[],
  writes: ClientWrites,
  random: SeededRandom,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const { name, path } = random.pick(mappings);
    const key = `live/${random.below(KEYS)}`;
    const value = writes.newValue('zookeeper', 0);
    const heldMs = random.below(HELD_MAX_MS);
    const isCrash = random.chance(0.5);
    try {
      const session = await RawZooKeeper.connect(
        { connect },
        { sessionTimeoutMs: SESSION_TIMEOUT_MS, reconnects: false },
      );
      writes.note(name, { store: 'zookeeper', key, value });
      const made = session.create(`${path}/${key}`, value, { mode: 'ephemeral' });
      await Promise.race([made, sleep(AFTER_ERROR_MS)]).catch(() => undefined);
      made.catch(() => undefined);
      await sleep(heldMs, undefined, { signal }).catch(() => undefined);
      if (isCrash) session.abandon();
      else await session.close();
    } catch {
      await sleep(AFTER_ERROR_MS); // Nobody serves just now, or the session was lost: it ends by itself.
    }
    await sleep(random.below(PAUSE_MAX_MS));
  }
}

/** Takes a lock; with its release, the key goes or stays as an ordinary one. */
export async function holdLocks(
  agents: readonly { readonly address: string }[],
  mappings: readonly MappingPlace[],
  writes: ClientWrites,
  random: SeededRandom,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const consul = new RawConsul(random.pick(agents));
    const { name, prefix } = random.pick(mappings);
    const key = `locks/${random.below(KEYS)}`;
    const value = writes.newValue('consul', 0);
    const Behavior = random.pick(['release', 'delete'] as const);
    const heldMs = random.below(HELD_MAX_MS);
    try {
      const session = await consul.createSession({ TTL: SESSION_TTL, Behavior, LockDelay: '0s' });
      writes.note(name, { store: 'consul', key, value });
      await consul.transaction([{ verb: 'lock', key: `${prefix}${key}`, value, session }]);
      await sleep(heldMs, undefined, { signal }).catch(() => undefined);
      await consul.destroySession(session);
    } catch {
      await sleep(AFTER_ERROR_MS); // No leader just now: the session ends by itself.
    }
    await sleep(random.below(PAUSE_MAX_MS));
  }
}
