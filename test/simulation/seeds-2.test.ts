import { simulateSeeds } from './simulation-suite.js';

simulateSeeds(1001, 2000);
