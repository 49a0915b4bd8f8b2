import type { Paint } from './colors.js';
import { formatElapsed } from './format-elapsed.js';
import type { Drawable, View } from './live-area.js';
import { elapsedMs, hasEnded, type Subject } from './progress-item.js';
import { oneLine } from './safe-text.js';
import { padEnd, truncate, widthOf, wrap } from './text-width.js';

interface Layout {
  name: number;
  text: number;
  /** In cells. 0: percentage only; undefined: no column. */
  bar?: number;
}

const spinner = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const spinnerStepMs = 100;
const elapsedWidth = 6;
const percentWidth = 4;
const gap = '  ';

/**
 * One line per subject where they fit, else a summary with failed and running ones. The text column
 * never narrows, so that the times next to it do not jump.
 */
export class Board implements Drawable {
  private textWidth = 0;

  constructor(
    private readonly subjects: readonly Subject[],
    private readonly startMs: number,
    private readonly paint: Paint,
  ) {}

  /** No line is wider than the terminal. */
  draw(view: View): string[] {
    if (this.subjects.length <= view.rows) return this.rows(this.subjects, view);
    return this.summarised(view);
  }

  /** Shows reasons of failures in full. */
  final(view: View): string[] {
    const failed = this.subjects.filter(({ status }) => status === 'failed');
    const tooMany = this.subjects.length > view.rows;
    const shown = tooMany ? failed : this.subjects;
    const layout = finalLayout(shown, view.columns);
    const lines = shown.flatMap((subject) => this.finalRow(subject, layout, view));
    return tooMany ? [...lines, this.summaryLine(view)] : lines;
  }

  private rows(subjects: readonly Subject[], view: View): string[] {
    const layout = this.layout(subjects, view.columns);
    return subjects.map((subject) => this.row(subject, layout, view));
  }

  private layout(subjects: readonly Subject[], columns: number): Layout {
    this.textWidth = Math.max(this.textWidth, longest(subjects.map(({ text }) => oneLine(text))));
    const hasBar = subjects.some(({ fraction }) => fraction !== undefined);
    return distributeWidth({
      name: longest(this.subjects.map(({ name }) => name)),
      text: this.textWidth,
      hasBar,
      columns,
    });
  }

  private summarised(view: View): string[] {
    const failed = this.subjects.filter(({ status }) => status === 'failed');
    const running = this.subjects.filter(({ status }) => status === 'running');
    const room = Math.max(2, view.rows - 1);
    const roomForFailed = Math.max(Math.ceil(room / 2), room - running.length);
    const shownFailed = firstThatFit(failed, roomForFailed);
    const shownRunning = firstThatFit(running, room - shownFailed.lines);
    const rows = this.rows([...shownFailed.items, ...shownRunning.items], view);
    return [
      ...rows.slice(0, shownFailed.items.length),
      ...this.more(shownFailed.hidden, 'failed', view.columns),
      ...rows.slice(shownFailed.items.length),
      ...this.more(shownRunning.hidden, 'running', view.columns),
      this.summaryLine(view),
    ];
  }

  private more(count: number, what: string, columns: number): string[] {
    return count > 0 ? [this.paint.dim(truncate(`… ${count} more ${what}`, columns - 1))] : [];
  }

  private summaryLine({ columns, nowMs }: View): string {
    const count = (status: Subject['status']): number =>
      this.subjects.filter((one) => one.status === status).length;
    const failed = count('failed');
    const interrupted = count('interrupted');
    const skipped = count('skipped');
    const counts = [`${count('done')}/${this.subjects.length} done`];
    if (failed > 0) counts.push(`${failed} failed`);
    if (interrupted > 0) counts.push(`${interrupted} interrupted`);
    if (skipped > 0) counts.push(`${skipped} skipped`);
    const over = this.subjects.every(hasEnded);
    const status = over ? (failed > 0 ? 'failed' : 'done') : 'running';
    const text = truncate(`${counts.join(', ')}${gap}${formatElapsed(this.durationMs(nowMs))}`, columns - 3);
    return `${this.mark(status, nowMs)} ${this.paint.bold(text)}`;
  }

  private durationMs(nowMs: number): number {
    const ends = this.subjects.map(({ endMs }) => endMs ?? nowMs);
    return Math.max(this.startMs, ...ends) - this.startMs;
  }

  private row(subject: Subject, layout: Layout, { columns, nowMs }: View): string {
    const mark = this.mark(subject.status, nowMs);
    const text = oneLine(subject.text);
    if (layout.text < 1) return `${mark} ${truncate(`${subject.name} ${text}`, columns - 3)}`;
    const cells = [
      this.name(subject, layout),
      this.text(subject, padEnd(truncate(text, layout.text), layout.text)),
    ];
    if (layout.bar !== undefined) cells.push(this.bar(subject.fraction, layout.bar));
    return `${mark} ${[...cells, this.elapsed(subject, nowMs)].join(gap)}`.trimEnd();
  }

  private finalRow(subject: Subject, layout: Layout, view: View): string[] {
    if (layout.text < 1 || subject.status !== 'failed') return [this.row(subject, layout, view)];
    const [first = '', ...more] = wrap(subject.text, layout.text);
    const indent = ' '.repeat(2 + layout.name + gap.length);
    return [
      this.row({ ...subject, text: first }, layout, view),
      ...more.map((line) => this.paint.red(`${indent}${line}`.trimEnd())),
    ];
  }

  private name({ name, status }: Subject, layout: Layout): string {
    const cell = padEnd(truncate(name, layout.name), layout.name);
    return status === 'waiting' || status === 'skipped' ? this.paint.dim(cell) : this.paint.bold(cell);
  }

  private text({ status }: Subject, cell: string): string {
    if (status === 'failed') return this.paint.red(cell);
    return status === 'skipped' ? this.paint.dim(cell) : cell;
  }

  private mark(status: Subject['status'], nowMs: number): string {
    if (status === 'done') return this.paint.green('✓');
    if (status === 'failed') return this.paint.red('✗');
    if (status === 'skipped' || status === 'interrupted') return this.paint.yellow('-');
    if (status === 'waiting') return this.paint.dim('·');
    return this.paint.cyan(spinnerFrame(nowMs));
  }

  private bar(fraction: number | undefined, width: number): string {
    if (fraction === undefined) return ' '.repeat(barColumns(width));
    return barText(fraction, width, this.paint);
  }

  private elapsed(subject: Subject, nowMs: number): string {
    if (subject.status === 'waiting' || subject.status === 'skipped') return '';
    return this.paint.dim(formatElapsed(elapsedMs(subject, nowMs)).padStart(elapsedWidth));
  }
}

function finalLayout(subjects: readonly Subject[], columns: number): Layout {
  const text = longest(
    subjects.flatMap((one) => (one.status === 'failed' ? wrap(one.text, columns) : [oneLine(one.text)])),
  );
  return distributeWidth({ name: longest(subjects.map(({ name }) => name)), text, hasBar: false, columns });
}

/** Leaves the last cell free, as some terminals wrap as soon as it is written. */
function distributeWidth(request: { name: number; text: number; hasBar: boolean; columns: number }): Layout {
  const name = Math.min(request.name, Math.max(8, Math.floor(request.columns / 3)));
  const fixed = 2 + name + gap.length + gap.length + elapsedWidth + 1;
  if (!request.hasBar) return { name, text: Math.min(request.text, request.columns - fixed) };
  const bar = barWidth(request.columns);
  const barColumn = gap.length + barColumns(bar);
  return { name, text: Math.min(request.text, request.columns - fixed - barColumn), bar };
}

export function spinnerFrame(nowMs: number): string {
  return spinner[Math.floor(nowMs / spinnerStepMs) % spinner.length] ?? '';
}

/** Only the percentage if `width` is 0. */
export function barText(fraction: number, width: number, paint: Paint): string {
  const filled = Math.round(fraction * width);
  const percent = `${Math.floor(fraction * 100)}%`.padStart(percentWidth);
  if (width === 0) return percent;
  return `${paint.cyan('━'.repeat(filled))}${paint.dim('─'.repeat(width - filled))} ${percent}`;
}

function barColumns(width: number): number {
  return (width > 0 ? width + 1 : 0) + percentWidth;
}

export function barWidth(columns: number): number {
  if (columns >= 76) return 20;
  return columns >= 60 ? 10 : 0;
}

function longest(texts: readonly string[]): number {
  return Math.max(1, ...texts.map(widthOf));
}

/** The first items in at most `lines` lines, one of which counts hidden items. */
function firstThatFit<T>(
  items: readonly T[],
  lines: number,
): { items: readonly T[]; hidden: number; lines: number } {
  if (items.length <= lines) return { items, hidden: 0, lines: items.length };
  const shown = items.slice(0, Math.max(0, lines - 1));
  return { items: shown, hidden: items.length - shown.length, lines: shown.length + 1 };
}
