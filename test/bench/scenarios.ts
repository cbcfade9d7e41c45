import type { Scenario } from './scenario.js';
import { copyToConsul, copyToZooKeeper } from './scenarios/copy.js';

export const SCENARIOS: readonly Scenario[] = [copyToConsul, copyToZooKeeper];
