import {
  DefaultRenderer,
  LISTR_DEFAULT_RENDERER_STYLE,
  Listr,
  ListrTaskState,
  type SimpleRenderer,
} from 'listr2';
import type { Progress, Reporter, StageReporter } from '../app/reporter.js';
import { isAbort } from '../base/errors.js';
import { barText, barWidth, spinnerFrame } from './board.js';
import type { Paint } from './colors.js';
import { formatElapsed } from './format-elapsed.js';
import type { Drawable, LiveArea, View } from './live-area.js';
import { capitalizeStep, type EndStatus } from './progress-item.js';
import { oneLine } from './safe-text.js';
import { padEnd, truncate, widthOf, wrap } from './text-width.js';

interface TreeOptions {
  area: LiveArea;
  paint: Paint;
  now: () => number;
  signal: AbortSignal | undefined;
  /** For lines outside the tree. */
  reporter: Reporter;
}

/** Runs a stage as a listr2 task whose steps, machines and inner stages are its subtasks. */
export async function runStage<T>(
  title: string,
  work: (stage: StageReporter) => Promise<T>,
  options: TreeOptions,
  parent?: () => OpenTask,
): Promise<T> {
  const stage = new ListrStage(oneLine(title), options, parent);
  try {
    const value = await work(stage);
    await stage.end(options.signal?.aborted ? 'interrupted' : 'done');
    return value;
  } catch (error) {
    await stage.end(isAbort(error) ? 'interrupted' : 'failed');
    throw error;
  }
}

class ListrStage implements StageReporter {
  private task: OpenTask | undefined;
  private current: { text: string; task: OpenTask } | undefined;
  private attempts = 0;

  constructor(
    private readonly title: string,
    private readonly options: TreeOptions,
    private readonly parent: (() => OpenTask) | undefined,
  ) {}

  note(message: string): void {
    this.options.reporter.note(message);
  }

  warn(message: string): void {
    this.options.reporter.warn(message);
  }

  open(names: readonly string[]): Progress {
    const { area, reporter } = this.options;
    const parent = this.shown();
    if (names.length > area.rowsFor(2)) return reporter.open(names);
    return listrProgress(names, parent, this.options);
  }

  stage<T>(title: string, work: (stage: StageReporter) => Promise<T>): Promise<T> {
    return runStage(title, work, this.options, () => this.shown());
  }

  step(stepText: string, fraction?: number): void {
    const text = capitalizeStep(oneLine(stepText));
    if (this.current?.text !== text) {
      this.endStep('done');
      this.current = { text, task: new OpenTask(text, this.options, this.shown()) };
    }
    const { task } = this.current;
    task.start();
    task.title = titleText(text, task.columns, this.options.paint, fraction);
  }

  retry(reason: string): void {
    this.attempts += 1;
    const task = this.shown();
    task.title = titleText(`${this.title} (${oneLine(reason)})`, task.columns - retryMarkWidth);
    void task.retry(this.attempts, reason);
  }

  async end(ending: EndStatus): Promise<void> {
    this.endStep(ending);
    if (this.task) this.task.title = ending === 'interrupted' ? `${this.title} (interrupted)` : this.title;
    await this.task?.end(ending);
  }

  /** Removes the bar from the title. */
  private endStep(ending: EndStatus): void {
    if (!this.current) return;
    const { task, text } = this.current;
    task.title = text;
    void task.end(ending);
  }

  private shown(): OpenTask {
    this.task ??= new OpenTask(this.title, this.options, this.parent?.());
    this.task.start();
    return this.task;
  }
}

function listrProgress(names: readonly string[], parent: OpenTask, options: TreeOptions): Progress {
  const tasks = new Map(names.map((name) => [name, new OpenTask(oneLine(name), options, parent)]));
  const width = Math.max(0, ...names.map((name) => widthOf(oneLine(name))));
  const label = (name: string): string => `${padEnd(oneLine(name), width)}  `;
  const finish = (name: string, ending: EndStatus, text: string): void => {
    const task = tasks.get(name);
    if (!task || task.hasEnded) return;
    task.title = `${label(name)}${text}`;
    void task.end(ending);
  };
  return {
    update(name, text, fraction) {
      const task = tasks.get(name);
      if (!task || task.hasEnded) return;
      task.start();
      task.title = titleText(
        `${label(name)}${capitalizeStep(oneLine(text))}`,
        task.columns,
        options.paint,
        fraction,
      );
    },
    done: (name, text = 'done') => finish(name, 'done', capitalizeStep(oneLine(text))),
    failed(name, reason) {
      const columns = (tasks.get(name)?.columns ?? 0) - width - 2;
      const indent = ' '.repeat(width + 2);
      finish(name, 'failed', wrap(reason, Math.max(20, columns)).join(`\n${indent}`));
    },
    async close() {
      for (const [name, task] of tasks) if (task.hasStarted) finish(name, 'interrupted', 'Interrupted');
      await Promise.all([...tasks.values()].map((task) => task.end('skipped')));
    },
  };
}

/** Cuts a running task's title to its line. */
function titleText(text: string, columns: number, paint?: Paint, fraction?: number): string {
  if (!paint || fraction === undefined) return truncate(text, columns);
  const bar = barText(fraction, barWidth(columns), paint);
  return `${truncate(text, columns - widthOf(bar) - 2)}  ${bar}`;
}

const indentation = 2;
/** The width of ` [RETRY:10]`, which listr2 appends. */
const retryMarkWidth = 11;

type List = Listr<unknown, 'silent' | typeof TreeRenderer, typeof SimpleRenderer>;
type Tasks = List['tasks'];

/** A listr2 task that is ended from outside. */
class OpenTask {
  private readonly level: number;
  hasEnded = false;
  private readonly list: List;
  private running: Promise<unknown> | undefined;
  private readonly begun: Promise<void>;
  private resolve: (ending: EndStatus) => void = () => {};

  constructor(
    title: string,
    private readonly options: TreeOptions,
    parent?: OpenTask,
  ) {
    this.level = parent ? parent.level + 1 : 0;
    let begin = (): void => {};
    this.begun = new Promise((resolve) => {
      begin = resolve;
    });
    const ended = new Promise<EndStatus>((resolve) => {
      this.resolve = resolve;
    });
    this.list = new Listr(
      [
        {
          title,
          task: async (_, task) => {
            begin();
            const ending = await ended;
            if (ending === 'skipped' || ending === 'interrupted') task.skip();
            if (ending === 'failed') throw new Error(title);
          },
        },
      ],
      // `cli/` handles signals and ends the work.
      {
        exitOnError: false,
        registerSignalListeners: false,
        renderer: parent ? 'silent' : TreeRenderer,
        rendererOptions: rendererOptions(options),
      },
      parent?.task,
    );
    // listr2 only takes subtasks when their parent begins.
    if (parent) parent.task.subtasks = [...(parent.task.subtasks ?? []), this.task];
    void this.task.check(undefined);
  }

  /** For the title: without indentation, mark, and the last cell, where some terminals wrap. */
  get columns(): number {
    return this.options.area.columns - this.level * indentation - 3;
  }

  set title(title: string) {
    this.task.title$ = title;
  }

  get hasStarted(): boolean {
    return this.running !== undefined;
  }

  start(): void {
    this.running ??= this.list.run();
  }

  async retry(count: number, reason: string): Promise<void> {
    await this.begun;
    if (this.hasEnded) return;
    this.task.message$ = { retry: { count, error: new Error(reason) } };
    this.task.state$ = ListrTaskState.RETRY;
  }

  async end(ending: EndStatus): Promise<void> {
    this.hasEnded = true;
    this.start();
    this.resolve(ending);
    await this.running;
  }

  private get task(): Tasks[number] {
    return this.list.tasks[0] as Tasks[number];
  }
}

type RendererOptions = ConstructorParameters<typeof DefaultRenderer>[1] & { tree?: TreeOptions };

/** The icons carry their colors; listr2 would decide by whether stdout is a terminal. */
const uncolored = Object.fromEntries(
  Object.keys(LISTR_DEFAULT_RENDERER_STYLE.color ?? {}).map((level) => [level, (text: string) => text]),
);

function rendererOptions(tree: TreeOptions): RendererOptions {
  const { paint, now } = tree;
  const spinner = (): string => paint.cyan(spinnerFrame(now()));
  const dim = (text = ''): string => paint.dim(text);
  const failed = paint.red('✗');
  return {
    tree,
    indentation,
    lazy: true,
    collapseSubtasks: false,
    showErrorMessage: false,
    timer: { condition: true, field: formatElapsed, format: () => dim },
    icon: {
      PENDING: spinner,
      RETRY: spinner,
      WAITING: paint.dim('·'),
      COMPLETED: paint.green('✓'),
      COMPLETED_WITH_FAILED_SUBTASKS: failed,
      FAILED: failed,
      FAILED_WITH_SUBTASKS: failed,
      COMPLETED_WITH_SISTER_TASKS_FAILED: failed,
      SKIPPED_WITH_COLLAPSE: paint.yellow('-'),
    },
    color: uncolored,
  };
}

/** listr2 renders the tree, and the live area places it among the boards. */
class TreeRenderer extends DefaultRenderer implements Drawable {
  /** listr2 would choose another renderer if stdout, which it does not use, is not a terminal. */
  static override nonTTY = true;
  private readonly area: LiveArea;

  constructor(...[tasks, options, events]: ConstructorParameters<typeof DefaultRenderer>) {
    super(tasks, options, events);
    const { tree } = options as Required<RendererOptions>;
    this.area = tree.area;
    // Titles are already cut.
    Object.assign(this, { wrap: (text: string) => text });
  }

  override async render(): Promise<void> {
    this.area.add(this);
  }

  override end(): void {
    this.area.finish(this);
  }

  draw({ rows }: View): string[] {
    return this.final().slice(-rows);
  }

  final(): string[] {
    return this.create().split('\n');
  }
}
