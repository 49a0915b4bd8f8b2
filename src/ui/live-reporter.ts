import type { Writable } from 'node:stream';
import type { Progress, Reporter } from '../app/reporter.js';
import { Board } from './board.js';
import type { Paint } from './colors.js';
import { LiveArea, type TerminalStream } from './live-area.js';
import { end, newSubject, type Subject, step } from './progress-item.js';

interface LiveOptions {
  stream: TerminalStream;
  paint: Paint;
  now: () => number;
  sharing: readonly Writable[];
}

/** Progress as lines that are drawn in place on a terminal. */
export function liveReporter({ stream, paint, now, sharing }: LiveOptions): Reporter {
  const area = new LiveArea(stream, now, sharing);
  return {
    open: (names) => liveProgress(names, area, paint, now),
    note: (message) => area.print(message),
    warn: (message) => area.print(`${paint.yellow('warning:')} ${message}`),
  };
}

interface LiveSubject {
  subject: Subject;
  ended: Promise<boolean>;
  resolve: (well: boolean) => void;
}

function liveProgress(names: readonly string[], area: LiveArea, paint: Paint, now: () => number): Progress {
  const subjects = new Map(names.map((name) => [name, liveSubject(name, now())]));
  const board = new Board(
    [...subjects.values()].map(({ subject }) => subject),
    now(),
    paint,
  );
  const drawn = draw([...subjects.values()], board, area);

  const finish = (name: string, status: 'done' | 'failed' | 'skipped', text: string): void => {
    const live = subjects.get(name);
    if (!live) return;
    end(live.subject, status, text, now());
    live.resolve(status !== 'failed');
  };

  return {
    update(name, text, fraction) {
      const live = subjects.get(name);
      if (live) step(live.subject, text, fraction, now());
    },
    done: (name, text = 'done') => finish(name, 'done', text),
    failed: (name, reason) => finish(name, 'failed', reason),
    async close() {
      for (const name of subjects.keys()) finish(name, 'skipped', 'skipped');
      await drawn;
    },
  };
}

function liveSubject(name: string, nowMs: number): LiveSubject {
  let resolve: (well: boolean) => void = () => {};
  const ended = new Promise<boolean>((fulfil) => {
    resolve = fulfil;
  });
  return { subject: newSubject(name, nowMs), ended, resolve };
}

/** listr2 is loaded only here, when there is something to draw; the subjects keep what happens until then. */
async function draw(subjects: readonly LiveSubject[], board: Board, area: LiveArea): Promise<void> {
  const { runTasks } = await import('./listr-board.js');
  const tasks = subjects.map(({ subject, ended }) => ({ title: subject.name, ended }));
  await runTasks(tasks, { area, board });
}
