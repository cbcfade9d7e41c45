import { checkConvergence } from './convergence.js';
import type { History, Violation } from './history.js';
import { checkJournalSoundness } from './journal-soundness.js';
import { checkNoInvention } from './no-invention.js';
import { checkNoLoss } from './no-loss.js';
import { checkNoResurrection } from './no-resurrection.js';

/** Everything that can be judged by what clients, journals and the final contents tell. */
export function checkHistory(history: History): Violation[] {
  return [
    ...checkNoLoss(history),
    ...checkNoInvention(history),
    ...checkNoResurrection(history),
    ...checkConvergence(history),
    ...checkJournalSoundness(history),
  ];
}
