import { CUTOVER_STEPS } from '../../src/core/cutover.js';
import { SeededRandom } from '../kit/memory-store/seeded-random.js';
import type { Plan, Step } from './plan.js';

const SALT = 0x0c0e;
const SHARE = 0.3;
const MOVES_MAX = 5;

/**
 * Steps of a cutover between the steps of some plans, forwards, back, and with one left out: what the gates would refuse
 * has to keep all promises as well. By chances of its own, so that seeds go on meaning what they did in all else.
 */
export function withCutover(steps: readonly Step[], seed: number): readonly Step[] {
  const random = new SeededRandom(Math.imul(seed, 0xc2b2ae35) ^ SALT);
  if (!random.chance(SHARE)) return steps;
  const moved = [...steps];
  for (let left = 1 + random.below(MOVES_MAX); left > 0; left--) {
    const act = { do: 'cutover', step: random.pick(CUTOVER_STEPS) } as const;
    moved.splice(random.below(moved.length + 1), 0, { afterMs: random.below(300), act });
  }
  return moved;
}

/** Whether the left side may ever have been only a mirror. */
export function isEverMirror({ steps }: Plan): boolean {
  return steps.some(({ act }) => act.do === 'cutover' && act.step === 'left-mirror');
}
