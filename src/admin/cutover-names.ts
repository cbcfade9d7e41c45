import type { CutoverStep } from '../core/cutover.js';

/** The steps of a cutover as operators, metrics and the HTTP API call them. */
export type CutoverStepName = 'both' | 'consul-leads' | 'zookeeper-mirror';

export const CUTOVER_STEP_NAMES: Readonly<Record<CutoverStep, CutoverStepName>> = {
  both: 'both',
  'right-leads': 'consul-leads',
  'left-mirror': 'zookeeper-mirror',
};

export function cutoverStepOf(name: CutoverStepName): CutoverStep {
  switch (name) {
    case 'both':
      return 'both';
    case 'consul-leads':
      return 'right-leads';
    case 'zookeeper-mirror':
      return 'left-mirror';
  }
}
