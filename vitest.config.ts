import { defineConfig } from 'vitest/config';

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
          testTimeout: 10_000,
        },
      },
      {
        test: {
          name: 'servers',
          include: ['test/servers/**/*.test.ts'],
          // Each file runs servers of its own, and there may be two cores only.
          maxWorkers: 2,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // After the unit tests, which would otherwise slow these down until their deadlines pass.
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
