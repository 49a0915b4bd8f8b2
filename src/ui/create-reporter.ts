import type { Writable } from 'node:stream';
import type { Reporter, StageReporter } from '../app/reporter.js';
import { withoutName } from '../base/errors.js';
import { withSelectedCluster } from '../base/selected-cluster.js';
import { createPaint } from './colors.js';
import type { TerminalStream } from './live-area.js';
import { liveReporter } from './live-reporter.js';
import { plainReporter } from './plain-reporter.js';
import { safeMessage } from './safe-text.js';

interface ReporterOptions {
  /** stderr, as stdout carries results only. */
  stream: TerminalStream;
  /** `plain`: one line per step, for pipes and logs; `quiet`: only failures and warnings. */
  mode: 'terminal' | 'plain' | 'quiet' | 'silent';
  /** Begins lines of `plain` mode with the time. */
  timestamps?: boolean;
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
  timestamps = false,
}: ReporterOptions): Reporter {
  if (mode === 'silent') return silentReporter;
  if (mode === 'plain') return plainReporter({ stream, now, signal, timestamps });
  if (mode === 'quiet') return quietReporter(stream);
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

function quietReporter(stream: Writable): StageReporter {
  const line = (text: string): void => void stream.write(`${safeMessage(text)}\n`);
  const reporter: StageReporter = {
    ...silentReporter,
    open: () => ({
      update() {},
      done() {},
      failed: (name, reason) => line(`error: ${name}: ${withoutName(name, reason)}`),
      close: async () => {},
    }),
    stage: (_title, work) => work(reporter),
    warn: (message) => line(`warning: ${withSelectedCluster(message)}`),
  };
  return reporter;
}

const silentReporter: StageReporter = {
  open: () => ({ update() {}, done() {}, failed() {}, close: async () => {} }),
  stage: (_title, work) => work(silentReporter),
  step() {},
  retry() {},
  note() {},
  warn() {},
};
