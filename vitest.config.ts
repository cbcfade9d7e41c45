import { defineConfig } from 'vitest/config';

/** They start, kill and damage things for seconds: processes of their own, and their disks. */
const PROCESS_TESTS = ['archive-directory', 'crash', 'damage', 'disk-use', 'process-lock'].map(
  (name) => `test/unit/archive/${name}.test.ts`,
);

export default defineConfig({
  test: {
    // A name that matches no test must not pass for a green run.
    passWithNoTests: false,
    allowOnly: false,
    // Forks, since the tests pause, kill and replace processes and must be able to die alone.
    pool: 'forks',
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          exclude: PROCESS_TESTS,
          testTimeout: 10_000,
          // The fast part: what starts no process and keeps nothing to itself needs no process of its own either.
          pool: 'threads',
          isolate: false,
          maxWorkers: '100%',
        },
      },
      {
        test: {
          name: 'simulation',
          include: ['test/simulation/**/*.test.ts'],
          // A test runs many seeds; machines differ, and the seeds are what counts.
          testTimeout: 120_000,
          pool: 'threads',
          maxWorkers: '100%',
        },
      },
      {
        test: {
          name: 'processes',
          include: PROCESS_TESTS,
          testTimeout: 60_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'servers',
          include: ['test/servers/**/*.test.ts'],
          exclude: ['test/servers/chaos/**'],
          // Each file runs servers of its own, and there may be two cores only.
          maxWorkers: 2,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // After the unit tests, which would otherwise slow these down until their deadlines pass.
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: 'chaos',
          include: ['test/servers/chaos/**/*.test.ts'],
          hookTimeout: 60_000,
          // Two clusters of three servers: nothing else may count on the machine meanwhile.
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
