import type { TerminalStream } from './live-area.js';
import { truncate } from './text-width.js';

const clearToEndOfLine = '\x1b[K';
const clearBelow = '\x1b[J';

/** Replaces its previous text in a single write to avoid flicker. Omits what does not fit. */
export class LiveTable {
  private rows = 0;

  constructor(private readonly stream: TerminalStream) {}

  draw(text: string): void {
    const columns = this.stream.columns || 80;
    const all = text.split('\n');
    const room = Math.max(2, (this.stream.rows || 24) - 1);
    const lines = all.length > room ? [...all.slice(0, room - 1), `... ${all.length - room + 1} more`] : all;
    const up = this.rows > 0 ? `\r\x1b[${this.rows}A` : '\r';
    this.stream.write(
      `${up}${lines.map((line) => `${truncate(line, columns)}${clearToEndOfLine}\n`).join('')}${clearBelow}`,
    );
    this.rows = lines.length;
  }
}
