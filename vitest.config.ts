import { defineConfig } from 'vitest/config';

/** Real machines are few and the computer is shared: files that make some run one after the other. */
const onRealMachines = {
  fileParallelism: false,
  testTimeout: 120_000,
  hookTimeout: 600_000,
  globalSetup: 'test/lab/setup.ts',
};

export default defineConfig({
  test: {
    reporters: ['default', './test/lab/count-reporter.ts'],
    disableConsoleIntercept: true,
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'] } },
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
