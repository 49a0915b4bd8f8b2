import type { Writable } from 'node:stream';
import { interceptWrites } from './intercept-writes.js';
import { widthOf } from './text-width.js';

/** A stream that may be a terminal; its default size is 80 columns and 24 rows. */
export type TerminalStream = Writable & { columns?: number; rows?: number };

export interface View {
  columns: number;
  /** Available lines. */
  rows: number;
  nowMs: number;
}

export interface Drawable {
  /** The current lines. */
  draw(view: View): string[];
  /** The lines that stay when the work has ended. */
  final(view: View): string[];
}

const frameMs = 100;
/** Keeps earlier output in sight above the boards. */
const spareRows = 4;

const hideCursor = '\x1b[?25l';
const showCursor = '\x1b[?25h';
const clearToEndOfLine = '\x1b[K';
const clearBelow = '\x1b[J';

/**
 * Redraws the last lines of a terminal in place while boards are on it, each frame in a single
 * write to avoid flicker. Other output appears above the boards.
 */
export class LiveArea {
  private readonly boards: Drawable[] = [];
  private drawn: string[] = [];
  private timer: NodeJS.Timeout | undefined;
  private release: (() => void)[] = [];
  private readonly write: (text: string) => void;

  /** @param sharing streams on the same terminal, including `stream` if others write to it */
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

  /** The board's final lines stay above what is still live. */
  finish(board: Drawable): void {
    this.boards.splice(this.boards.indexOf(board), 1);
    this.printLines(board.final({ columns: this.columns, rows: this.rowsFor(1), nowMs: this.now() }));
    if (this.boards.length === 0) this.stop();
  }

  /** Writes above the boards. */
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

  /** Also runs at exit: restores the cursor and the output of others. */
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

  /** Overwrites the previous frame, below `above`, which stays. */
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

  /** A narrowed window has wrapped long lines, which then take several rows. */
  private toTop(): string {
    const rows = this.drawn.map((line) => Math.max(1, Math.ceil(widthOf(line) / this.columns)));
    const up = rows.reduce((sum, count) => sum + count, 0);
    return up > 0 ? `\r\x1b[${up}A` : '\r';
  }

  /** Rows per board. */
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
