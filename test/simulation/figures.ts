import type { Plan } from './plan.js';
import type { World } from './world.js';

/** What runs amount to, to be added up. */
export interface Figures {
  readonly runs: number;
  readonly steps: number;
  readonly clientWrites: number;
  readonly daemonWrites: number;
  readonly requests: number;
  readonly conflicts: number;
  readonly lives: number;
  readonly virtualHours: number;
  /** How often each kind of fault struck, and each other thing was done. */
  readonly faults: Readonly<Record<string, number>>;
  /** How often a person met each reason of a hold when all faults were over. */
  readonly holds: Readonly<Record<string, number>>;
}

export const NO_FIGURES: Figures = {
  runs: 0,
  steps: 0,
  clientWrites: 0,
  daemonWrites: 0,
  requests: 0,
  conflicts: 0,
  lives: 0,
  virtualHours: 0,
  faults: {},
  holds: {},
};

export function figuresOf(plan: Plan, world: World, holds: ReadonlyMap<string, number>): Figures {
  const { recorder, network, clock, clients, done } = world;
  return {
    runs: 1,
    steps: plan.steps.length,
    clientWrites: clients.operations,
    daemonWrites: recorder.daemonWrites,
    requests: network.requests.left + network.requests.right,
    conflicts: recorder.journal.length,
    lives: [...recorder.restarts.values()].reduce((sum, count) => sum + count + 1, 0),
    virtualHours: clock.monotonicMs() / 3_600_000,
    faults: [network.struck, done, clients.done]
      .map((counts) => Object.fromEntries(counts))
      .reduce(addCounts),
    holds: Object.fromEntries(holds),
  };
}

export function addFigures(a: Figures, b: Figures): Figures {
  return {
    runs: a.runs + b.runs,
    steps: a.steps + b.steps,
    clientWrites: a.clientWrites + b.clientWrites,
    daemonWrites: a.daemonWrites + b.daemonWrites,
    requests: a.requests + b.requests,
    conflicts: a.conflicts + b.conflicts,
    lives: a.lives + b.lives,
    virtualHours: a.virtualHours + b.virtualHours,
    faults: addCounts(a.faults, b.faults),
    holds: addCounts(a.holds, b.holds),
  };
}

function addCounts(
  a: Readonly<Record<string, number>>,
  b: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
  const sum: Record<string, number> = { ...a };
  for (const [name, count] of Object.entries(b)) sum[name] = (sum[name] ?? 0) + count;
  return sum;
}
