import { SIDES } from '../core/pair.js';
import type { Examined } from './examine.js';

/** Whether a side left the entry out of its answer, to stay within bounds: ask again for fewer. */
export function isUnread({ situation: { readings } }: Pick<Examined, 'situation'>): boolean {
  return SIDES.some((side) => {
    const reading = readings[side];
    return reading.kind === 'unknown' && reading.reason === 'not-read';
  });
}
