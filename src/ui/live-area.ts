import type { Writable } from 'node:stream';
import { interceptWrites } from './intercept-writes.js';
import { widthOf } from './text-width.js';

/**
 * A stream that may be a terminal; of one that does not tell its size, 80 columns and 24 rows are
 * assumed.
 */
export type TerminalStream = Writable & { columns?: number; rows?: number };

/** What the terminal is at the moment that something draws itself. */
export interface View {
  columns: number;
  /** Lines that may be taken. */
  rows: number;
  nowMs: number;
}

export interface Drawable {
  /** The lines of this moment. */
  draw(view: View): string[];
  /** The lines that stay when all has ended. */
  final(view: View): string[];
}

const frameMs = 100;
/** Left free above the boards, so that what went before stays in sight. */
const spareRows = 4;

const hideCursor = '\x1b[?25l';
const showCursor = '\x1b[?25h';
const clearToEndOfLine = '\x1b[K';
const clearBelow = '\x1b[J';

/**
 * The last lines of a terminal, drawn again and again in place while boards are on it. Each frame
 * overwrites the one before in a single write and clears only what is left over, so that nothing
 * flickers. What others write to the terminal meanwhile appears above the boards.
 */
export class LiveArea {
  private readonly boards: Drawable[] = [];
  private drawn: string[] = [];
  private timer: NodeJS.Timeout | undefined;
  private release: (() => void)[] = [];
  private readonly write: (text: string) => void;

  /**
   * @param now milliseconds
   * @param sharing the streams that end at the same terminal, `stream` among them where others
   * write to it too
   */
  constructor(
    private readonly stream: TerminalStream,
    private readonly now: () => number,
    private readonly sharing: readonly Writable[],
  ) {
    const write = stream.write.bind(stream);
    this.write = (text) => void write(text);
  }

  add(board: Drawable): void {
    this.boards.push(board);
    if (this.boards.length === 1) this.start();
    this.draw();
  }

  /** Takes a board off; its final lines stay above what is still live. */
  finish(board: Drawable): void {
    this.boards.splice(this.boards.indexOf(board), 1);
    this.printLines(board.final({ columns: this.columns, rows: this.rowsFor(1), nowMs: this.now() }));
    if (this.boards.length === 0) this.stop();
  }

  /** Writes lines above the boards. */
  print(text: string): void {
    this.printLines(text.split('\n'));
  }

  private printLines(lines: readonly string[]): void {
    const isLive = this.boards.length + this.drawn.length > 0;
    if (isLive) this.redraw(asText(lines, clearToEndOfLine));
    else this.write(asText(lines));
  }

  private start(): void {
    this.timer = setInterval(() => this.draw(), frameMs);
    this.timer.unref();
    process.once('exit', this.stop);
    this.release = this.sharing.map((stream) =>
      interceptWrites(stream, (lines, write) => this.letThrough(() => write(lines))),
    );
  }

  /**
   * Also when the process ends in the middle: the cursor comes back, and nothing that others wrote
   * is lost.
   */
  private readonly stop = (): void => {
    clearInterval(this.timer);
    process.off('exit', this.stop);
    this.write(showCursor);
    for (const release of this.release) release();
    this.release = [];
  };

  private draw(): void {
    const lines = this.lines();
    const isSame = lines.length === this.drawn.length && lines.every((line, row) => line === this.drawn[row]);
    if (!isSame) this.redraw('', lines);
  }

  /** Draws the boards over what was drawn before, below something that stays. */
  private redraw(above: string, lines = this.lines()): void {
    const cursor = lines.length > 0 ? hideCursor : '';
    this.write(`${cursor}${this.toTop()}${above}${asText(lines, clearToEndOfLine)}${clearBelow}`);
    this.drawn = lines;
  }

  private letThrough(writeOther: () => void): void {
    this.write(`${this.toTop()}${clearBelow}`);
    this.drawn = [];
    writeOther();
    this.redraw('');
  }

  private lines(): string[] {
    const rows = this.rowsFor(this.boards.length);
    return this.boards.flatMap((board) => board.draw({ columns: this.columns, rows, nowMs: this.now() }));
  }

  /**
   * Back to the first live line. A window made narrower has wrapped the longer ones, which then
   * take several rows.
   */
  private toTop(): string {
    const rows = this.drawn.map((line) => Math.max(1, Math.ceil(widthOf(line) / this.columns)));
    const up = rows.reduce((sum, count) => sum + count, 0);
    return up > 0 ? `\r\x1b[${up}A` : '\r';
  }

  /** Rows for each of so many boards. */
  rowsFor(boards: number): number {
    return Math.max(3, Math.floor(((this.stream.rows || 24) - spareRows) / Math.max(1, boards)));
  }

  get columns(): number {
    return this.stream.columns || 80;
  }
}

function asText(lines: readonly string[], end = ''): string {
  return lines.map((line) => `${line}${end}\n`).join('');
}
