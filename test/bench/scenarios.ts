import type { Scenario } from './scenario.js';
import { beside } from './scenarios/beside.js';
import { changes } from './scenarios/changes.js';
import { services } from './scenarios/services.js';
import { storm } from './scenarios/storm.js';
import { copyToConsul, copyToZooKeeper } from './scenarios/copy.js';

export const SCENARIOS: readonly Scenario[] = [
  copyToConsul,
  copyToZooKeeper,
  beside,
  changes,
  storm,
  services,
];
