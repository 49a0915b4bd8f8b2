import type { Writable } from 'node:stream';
import type { Reporter, StageReporter } from '../app/reporter.js';
import { createPaint } from './colors.js';
import type { TerminalStream } from './live-area.js';
import { liveReporter } from './live-reporter.js';
import { plainReporter } from './plain-reporter.js';

interface ReporterOptions {
  /** stderr, as stdout carries results only. */
  stream: TerminalStream;
  /** `plain`: one line per step, for pipes and logs. */
  mode: 'terminal' | 'plain' | 'silent';
  /** Ignored outside `terminal` mode. */
  color: boolean;
  /** Streams whose output appears above the live lines. */
  sharing?: readonly Writable[];
  /** Milliseconds of any clock. */
  now?: () => number;
  /** A stage that ends after it aborts is shown as interrupted. */
  signal?: AbortSignal;
}

export function createReporter({
  stream,
  mode,
  color,
  sharing = [],
  now = () => performance.now(),
  signal,
}: ReporterOptions): Reporter {
  if (mode === 'silent') return silentReporter;
  if (mode === 'plain') return plainReporter({ stream, now, signal });
  return liveReporter({
    stream,
    paint: createPaint(color),
    now,
    signal,
    sharing: sharing.filter(isTerminal),
  });
}

function isTerminal(stream: Writable & { isTTY?: boolean }): boolean {
  return stream.isTTY === true;
}

const silentReporter: StageReporter = {
  open: () => ({ update() {}, done() {}, failed() {}, close: async () => {} }),
  stage: (_title, work) => work(silentReporter),
  step() {},
  retry() {},
  note() {},
  warn() {},
};
