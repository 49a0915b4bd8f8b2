import type { Writable } from 'node:stream';
import type { Progress, Reporter, StageReporter } from '../app/reporter.js';
import { isAbort, messageOf } from '../base/errors.js';
import { withSelectedCluster } from '../base/selected-cluster.js';
import { formatElapsed } from './format-elapsed.js';
import {
  elapsedMs,
  endSubject,
  hasEnded,
  newSubject,
  type Subject,
  startStep,
  statusAtClose,
} from './progress-item.js';
import { oneLine, safeMessage } from './safe-text.js';
import { wrap } from './text-width.js';

interface PlainOptions {
  stream: Writable;
  now: () => number;
  signal: AbortSignal | undefined;
  timestamps: boolean;
}

/** For pipes and logs: one line per change of step, and per tenth of a measured step. */
export function plainReporter({ stream, now, signal, timestamps }: PlainOptions): Reporter {
  const time = (): string => (timestamps ? `${new Date().toISOString()} ` : '');
  const line = (text: string): void => void stream.write(`${time()}${text}\n`);
  const reporter: Reporter = {
    open: (names) => plainProgress(names, line, now),
    async stage(title, work) {
      const stage = new PlainStage(title, reporter);
      try {
        const value = await work(stage);
        if (!signal?.aborted) stage.progress?.done(title);
        return value;
      } catch (error) {
        if (!isAbort(error)) stage.progress?.failed(title, messageOf(error));
        throw error;
      } finally {
        await stage.progress?.close();
      }
    },
    note: (message) => line(safeMessage(withSelectedCluster(message))),
    warn: (message) => line(safeMessage(withSelectedCluster(`warning: ${message}`))),
  };
  return reporter;
}

/** Only its own steps and its end have lines of their own. */
class PlainStage implements StageReporter {
  progress: Progress | undefined;

  constructor(
    private readonly title: string,
    private readonly reporter: Reporter,
  ) {}

  open(names: readonly string[]): Progress {
    if (!this.progress) this.step('started');
    return this.reporter.open(names);
  }

  stage<T>(title: string, work: (stage: StageReporter) => Promise<T>): Promise<T> {
    return this.reporter.stage(title, work);
  }

  step(text: string, fraction?: number): void {
    this.progress ??= this.reporter.open([this.title]);
    this.progress.update(this.title, text, fraction);
  }

  retry(reason: string): void {
    this.step(`retrying: ${reason}`);
  }

  note(message: string): void {
    this.reporter.note(message);
  }

  warn(message: string): void {
    this.reporter.warn(message);
  }
}

function plainProgress(names: readonly string[], line: (text: string) => void, now: () => number): Progress {
  const subjects = new Map(names.map((name) => [name, newSubject(name, now())]));
  const shown = new Map<string, string>();

  const finish = (name: string, status: 'done' | 'failed', text: string): void => {
    const subject = subjects.get(name);
    if (!subject || hasEnded(subject)) return;
    endSubject(subject, status, text, now());
    line(`${subject.name}: ${finalText(subject)}`);
  };

  return {
    update(name, text, fraction) {
      const subject = subjects.get(name);
      if (!subject || hasEnded(subject)) return;
      startStep(subject, oneLine(text), fraction, now());
      const current = stepText(subject);
      // The reason of a wait may change often.
      const state = current.replace(/ \([^()]*\)$/, '');
      if (shown.get(name) !== state) line(`${subject.name}: ${current}`);
      shown.set(name, state);
    },
    done: (name, text = 'done') => finish(name, 'done', oneLine(text)),
    failed: (name, reason) => finish(name, 'failed', reason),
    async close() {
      for (const subject of subjects.values()) {
        if (hasEnded(subject)) continue;
        const status = statusAtClose(subject);
        endSubject(subject, status, status, now());
        line(`${subject.name}: ${subject.text}`);
      }
    },
  };
}

function stepText({ text, fraction = 0 }: Subject): string {
  const percent = Math.floor(fraction * 10) * 10;
  return percent > 0 ? `${text} ${percent}%` : text;
}

function finalText(subject: Subject): string {
  const { status, text, endMs = 0 } = subject;
  if (status !== 'failed') return `${text} (${formatElapsed(elapsedMs(subject, endMs))})`;
  return `failed: ${wrap(text, Number.POSITIVE_INFINITY).join('\n  ')}`;
}
