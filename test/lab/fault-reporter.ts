import { readFileSync, writeFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';
import { updateTables } from './fault-table.js';

const path = 'docs/reliability.md';

/**
 * Writes the faults that the tests recorded to docs/reliability.md; in CI, fails if it differs. A
 * test file replaces its rows once all its tests have passed.
 */
export default class FaultReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const recorded = modules.flatMap((module) => {
      const tests = [...module.children.allTests()];
      if (tests.length === 0 || tests.some((test) => test.result().state !== 'passed')) return [];
      return [[module.relativeModuleId, tests.flatMap((test) => test.meta().faults ?? [])] as const];
    });
    const before = readFileSync(path, 'utf8');
    const after = updateTables(before, new Map(recorded));
    if (after === before) return;
    if (process.env['CI'] || process.env['BELT_TEST_NO_SKIP']) reportDrift(before, after);
    else writeFileSync(path, after);
  }
}

function reportDrift(before: string, after: string): void {
  process.exitCode = 1;
  console.error(`${path} differs from what the tests did. Run npm test and commit it.`);
  for (const line of linesOnlyIn(before, after)) console.error(`- ${line}`);
  for (const line of linesOnlyIn(after, before)) console.error(`+ ${line}`);
}

function linesOnlyIn(text: string, other: string): string[] {
  const lines = new Set(other.split('\n'));
  return text.split('\n').filter((line) => !lines.has(line));
}
