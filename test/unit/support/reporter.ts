import type { Reporter } from '../../../src/app/reporter.js';

/** A reporter that keeps what it is told, one line an event, in the order in which it came. */
export interface RecordingReporter extends Reporter {
  readonly lines: string[];
}

export function recordingReporter(): RecordingReporter {
  const lines: string[] = [];
  return {
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
    note: (message) => void lines.push(`note: ${message}`),
    warn: (message) => void lines.push(`warning: ${message}`),
  };
}
