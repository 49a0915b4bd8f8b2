import type { Writable } from 'node:stream';
import type { Progress, Reporter } from '../app/reporter.js';
import { withSelectedCluster } from '../base/selected-cluster.js';
import { Board } from './board.js';
import type { Paint } from './colors.js';
import { LiveArea, type TerminalStream } from './live-area.js';
import {
  type EndStatus,
  endSubject,
  hasEnded,
  newSubject,
  startStep,
  statusAtClose,
} from './progress-item.js';
import { safeMessage } from './safe-text.js';

interface LiveOptions {
  stream: TerminalStream;
  paint: Paint;
  now: () => number;
  sharing: readonly Writable[];
  signal: AbortSignal | undefined;
}

export function liveReporter({ stream, paint, now, sharing, signal }: LiveOptions): Reporter {
  const area = new LiveArea(stream, now, sharing);
  const reporter: Reporter = {
    open: (names) => boardProgress(names, area, paint, now),
    async stage(title, work) {
      // Loaded only for operations with stages.
      const { runStage } = await import('./listr-stage.js');
      return runStage(title, work, { area, paint, now, signal, reporter });
    },
    note: (message) => area.print(safeMessage(withSelectedCluster(message))),
    warn: (message) => area.print(`${paint.yellow('warning:')} ${safeMessage(withSelectedCluster(message))}`),
  };
  return reporter;
}

/** The board leaves the live area when its last subject ends. */
function boardProgress(names: readonly string[], area: LiveArea, paint: Paint, now: () => number): Progress {
  const subjects = new Map(names.map((name) => [name, newSubject(name, now())]));
  const board = new Board([...subjects.values()], now(), paint);
  let drawn = names.length > 0;
  if (drawn) area.add(board);

  const finish = (name: string, status: EndStatus, text: string): void => {
    const subject = subjects.get(name);
    if (subject) endSubject(subject, status, text, now());
    if (!drawn || ![...subjects.values()].every(hasEnded)) return;
    drawn = false;
    area.finish(board);
  };

  return {
    update(name, text, fraction) {
      const subject = subjects.get(name);
      if (subject) startStep(subject, text, fraction, now());
    },
    done: (name, text = 'done') => finish(name, 'done', text),
    failed: (name, reason) => finish(name, 'failed', reason),
    async close() {
      for (const subject of subjects.values()) {
        const status = statusAtClose(subject);
        finish(subject.name, status, status);
      }
    },
  };
}
