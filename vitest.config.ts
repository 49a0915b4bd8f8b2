import { defineConfig } from 'vitest/config';

/** Tests mostly wait for machines, so two files keep two cores busy; more would slow each other. */
const onRealMachines = {
  maxWorkers: 2,
  testTimeout: 240_000,
  hookTimeout: 600_000,
  expect: { poll: { timeout: 60_000 } },
  globalSetup: 'test/lab/setup.ts',
};

export default defineConfig({
  test: {
    reporters: ['default', './test/lab/fault-reporter.ts', './test/lab/count-reporter.ts'],
    disableConsoleIntercept: true,
    projects: [
      // Property tests start hundreds of shells, which takes time on a busy computer.
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
