import type { Side } from '../../src/core/pair.js';
import type { SeededRandom } from '../kit/memory-store/seeded-random.js';
import type { FaultAct, ReadFailure } from './plan.js';

/** A kind of act: how it is made, and how it is weighed against the others where a plan has it at all. */
export interface KindOf<M, A> {
  readonly weight: number;
  /** In how many plans it occurs. */
  readonly share: number;
  readonly make: (maker: M) => A;
}

/** What is drawn for faults of the network. */
export interface FaultMaker {
  readonly random: SeededRandom;
  side(): Side;
  /** Milliseconds, short ones more often than long ones. */
  span(): number;
  /** A side, for how long, how many of its requests, and which. */
  window(): { side: Side; forMs: number; chance: number; seed: number };
  failure(): ReadFailure;
}

/** What may go wrong between a daemon and a store, whatever is in it. */
export const NETWORK_KINDS: readonly KindOf<FaultMaker, FaultAct>[] = [
  { weight: 4, share: 0.4, make: (m) => ({ do: 'lose-replies', ...m.window() }) },
  { weight: 3, share: 0.3, make: (m) => ({ do: 'lose-requests', ...m.window() }) },
  { weight: 3, share: 0.3, make: (m) => ({ do: 'refuse-writes', ...m.window() }) },
  { weight: 3, share: 0.3, make: (m) => ({ do: 'delay-writes', byMs: m.span() / 5, ...m.window() }) },
  { weight: 3, share: 0.3, make: (m) => ({ do: 'fail-reads', code: m.failure(), ...m.window() }) },
  { weight: 3, share: 0.3, make: (m) => ({ do: 'cut-replies', ...m.window() }) },
  { weight: 3, share: 0.3, make: (m) => ({ do: 'delay-replies', byMs: m.span() / 5, ...m.window() }) },
  { weight: 2, share: 0.2, make: (m) => ({ do: 'lose-reads', ...m.window() }) },
  { weight: 2, share: 0.2, make: (m) => ({ do: 'answer-in-part', ...m.window() }) },
  {
    weight: 2,
    share: 0.2,
    make: (m) => ({ do: 'follow-behind', writes: 1 + m.random.below(10), ...m.window() }),
  },
  { weight: 3, share: 0.4, make: (m) => ({ do: 'lose-hints', ...m.window() }) },
  { weight: 2, share: 0.2, make: (m) => ({ do: 'double-hints', ...m.window() }) },
  { weight: 2, share: 0.3, make: (m) => ({ do: 'delay-hints', byMs: m.span() / 5, ...m.window() }) },
  {
    weight: 2,
    share: 0.2,
    make: (m) => ({ do: 'lose-leader', side: m.side(), forMs: m.span(), code: m.failure() }),
  },
  { weight: 1, share: 0.1, make: (m) => ({ do: 'wake-watches', side: m.side() }) },
  { weight: 2, share: 0.3, make: (m) => ({ do: 'lag', side: m.side(), forMs: m.span() }) },
  { weight: 3, share: 0.4, make: (m) => ({ do: 'disconnect', side: m.side(), forMs: m.span() }) },
  { weight: 2, share: 0.2, make: (m) => ({ do: 'expire-session', side: m.side() }) },
];

export function weighted<K>(choices: readonly { kind: K; weight: number }[], random: SeededRandom): K {
  let left = random.next() * choices.reduce((sum, { weight }) => sum + weight, 0);
  for (const { kind, weight } of choices) {
    left -= weight;
    if (left <= 0) return kind;
  }
  return random.pick(choices).kind;
}
