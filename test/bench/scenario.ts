import type { Shape } from './entries.js';

export interface Sizes {
  readonly entries: number;
  readonly shape: Shape;
}

export interface Figure {
  /** Who did it: the daemon, or an alternative. */
  readonly contender: string;
  /** What was measured, with its unit last. */
  readonly name: string;
  readonly value: number;
}

/** What a scenario takes part in: one round of it, with everybody in turn. */
export interface Round extends Sizes {
  readonly number: number;
  /** Only to show that it works: figures mean nothing. */
  readonly isBrief: boolean;
  readonly tell: (line: string) => void;
}

/** One thing that is measured, with the daemon and with what else could do it, one after the other in each round. */
export interface Scenario {
  readonly name: string;
  /** A sentence for the table's head. */
  readonly about: string;
  readonly sizes: Sizes;
  /** The smallest that still shows that it works. */
  readonly smallest: Sizes;
  readonly rounds: number;
  measure(round: Round): Promise<readonly Figure[]>;
}

/** Seconds that something took. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return (performance.now() - startedMs) / 1_000;
}
