import { Listr, type ListrRendererFactory, type ListrRendererTask } from 'listr2';
import type { Board } from './board.js';
import type { LiveArea } from './live-area.js';

/** One subject as a listr2 task: `ended` resolves to whether it went well. */
export interface SubjectTask {
  title: string;
  ended: Promise<boolean>;
}

interface BoardOptions {
  area: LiveArea;
  board: Board;
}

/**
 * listr2's own renderer draws a list to its full length, without columns, and to stdout; this one leaves the drawing to a
 * board. Signals stay with `cli/`, which ends the tasks by ending the work.
 */
export async function runTasks(tasks: readonly SubjectTask[], options: BoardOptions): Promise<void> {
  const list = new Listr(tasks.map(asTask), {
    concurrent: true,
    exitOnError: false,
    registerSignalListeners: false,
    renderer: BoardRenderer,
    rendererOptions: options,
  });
  await list.run();
}

function asTask({ title, ended }: SubjectTask): { title: string; task: () => Promise<void> } {
  return {
    title,
    task: async () => {
      if (!(await ended)) throw new Error(title);
    },
  };
}

class BoardRenderer {
  /** Or listr2 would choose another one wherever stdout, which this does not use, is no terminal. */
  static readonly nonTTY = true;
  static rendererOptions: BoardOptions;
  static rendererTaskOptions: never;

  constructor(
    _tasks: ListrRendererTask<ListrRendererFactory>[],
    private readonly options: BoardOptions,
  ) {}

  render(): void {
    this.options.area.add(this.options.board);
  }

  end(): void {
    this.options.area.finish(this.options.board);
  }
}
