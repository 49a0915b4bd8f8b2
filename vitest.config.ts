import { defineConfig } from 'vitest/config';

/** Machines wait more than they work: two files at a time keep two cores busy, and more would only slow each other. */
const onRealMachines = {
  maxWorkers: 2,
  testTimeout: 240_000,
  hookTimeout: 600_000,
  expect: { poll: { timeout: 60_000 } },
  globalSetup: 'test/lab/setup.ts',
};

export default defineConfig({
  test: {
    reporters: ['default', './test/lab/count-reporter.ts'],
    disableConsoleIntercept: true,
    projects: [
      // Shells that a property test starts by the hundred take their time on a busy computer.
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          testTimeout: 30_000,
          expect: { poll: { timeout: 20_000 } },
        },
      },
      {
        test: {
          name: 'contract',
          include: ['test/contract/**/*.test.ts'],
          ...onRealMachines,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          ...onRealMachines,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
