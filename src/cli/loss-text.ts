import { printableText } from '../core/printable-text.js';
import type { LossCount } from '../services/loss-counts.js';
import { printableKey } from './printable.js';
import { showCounted } from './times.js';

/** What copies can't hold, of how many instances, and why. */
export function lossText({ field, why, instances, example }: LossCount): string {
  const whose = `${showCounted(instances, 'instance', 'instances')} (${printableKey(example)})`;
  return `${printableText(field)} of ${whose}: ${printableText(why)}`;
}
