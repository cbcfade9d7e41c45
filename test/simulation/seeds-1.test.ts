import { simulateSeeds } from './simulation-suite.js';

simulateSeeds(1, 1000);
