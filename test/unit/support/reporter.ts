import type { Reporter, StageReporter } from '../../../src/app/reporter.js';

/** A reporter that records events as lines, in order. */
export interface RecordingReporter extends Reporter {
  readonly lines: string[];
}

export function recordingReporter(): RecordingReporter {
  const lines: string[] = [];
  const reporter: RecordingReporter = {
    lines,
    open(subjects) {
      lines.push(`open ${subjects.join(' ')}`);
      return {
        update(subject, text, fraction) {
          lines.push(`${subject}: ${text}${fraction === undefined ? '' : ` ${fraction * 100}%`}`);
        },
        done(subject, text) {
          lines.push(`${subject} done${text === undefined ? '' : `: ${text}`}`);
        },
        failed(subject, reason) {
          lines.push(`${subject} failed: ${reason}`);
        },
        async close() {
          lines.push('close');
        },
      };
    },
    async stage(title, work) {
      let isShown = false;
      const show = (): void => {
        if (!isShown) lines.push(`stage ${title}`);
        isShown = true;
      };
      const stage: StageReporter = {
        ...reporter,
        open(subjects) {
          show();
          return reporter.open(subjects);
        },
        step(text, fraction) {
          show();
          lines.push(`${title}: ${text}${fraction === undefined ? '' : ` ${fraction * 100}%`}`);
        },
        retry(reason) {
          show();
          lines.push(`${title} retries: ${reason}`);
        },
      };
      try {
        const value = await work(stage);
        if (isShown) lines.push(`${title} done`);
        return value;
      } catch (error) {
        if (isShown) lines.push(`${title} failed: ${(error as Error).message}`);
        throw error;
      }
    },
    note: (message) => void lines.push(`note: ${message}`),
    warn: (message) => void lines.push(`warning: ${message}`),
  };
  return reporter;
}
