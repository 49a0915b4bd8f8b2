import { type RunnerTask, TestRunner } from 'vitest';

export const faultKinds = [
  'Killed and interrupted',
  'Two belts at once',
  'Swarms that lose managers',
  'Machines, engines and networks that fail',
  'Disks and files',
  'Untrusted input',
] as const;

/** A row of docs/reliability.md. */
export interface Fault {
  kind: (typeof faultKinds)[number];
  /** What happens, in plain text. */
  fault: string;
  /** How often, as the test counted: the same on every computer. Default: once. */
  tried?: number;
  /** What it cost, as the test observed. Default: nothing. */
  lost?: string;
}

declare module 'vitest' {
  interface TaskMeta {
    faults?: Fault[];
  }
}

/** Records what the current test has tried. Call it after the assertions. */
export function recordFault(fault: Fault): void {
  const { meta } = TestRunner.getCurrentTest() as RunnerTask;
  meta.faults = [...(meta.faults ?? []), fault];
}
