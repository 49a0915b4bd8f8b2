import { Writable } from 'node:stream';
import xterm from '@xterm/headless';

/** A stream into a real terminal emulator, to read what a user would see. */
export interface Screen {
  stream: Writable & { columns: number; rows: number };
  /** A second stream to the same terminal. */
  other: Writable;
  /** All lines so far, including scrollback, without trailing spaces. */
  lines(): Promise<string[]>;
  cursorVisible(): Promise<boolean>;
  resize(columns: number, rows: number): void;
}

export function createScreen(columns = 80, rows = 24): Screen {
  const terminal = new xterm.Terminal({
    cols: columns,
    rows,
    convertEol: true,
    allowProposedApi: true,
    scrollback: 1000,
  });
  let cursor = true;
  for (const final of ['h', 'l']) {
    terminal.parser.registerCsiHandler({ prefix: '?', final }, (modes) => {
      if (modes.includes(25)) cursor = final === 'h';
      return false;
    });
  }
  const settled = (): Promise<void> => new Promise((resolve) => terminal.write('', resolve));
  const stream = Object.assign(streamTo(terminal), { columns, rows });
  return {
    stream,
    other: streamTo(terminal),
    async lines() {
      await settled();
      const buffer = terminal.buffer.active;
      const lines = Array.from(
        { length: buffer.length },
        (_, row) => buffer.getLine(row)?.translateToString(true) ?? '',
      );
      return lines.slice(0, lines.findLastIndex((line) => line !== '') + 1);
    },
    async cursorVisible() {
      await settled();
      return cursor;
    },
    resize(newColumns, newRows) {
      terminal.resize(newColumns, newRows);
      Object.assign(stream, { columns: newColumns, rows: newRows });
    },
  };
}

function streamTo(terminal: xterm.Terminal): Writable {
  const stream = new Writable({
    decodeStrings: false,
    write(chunk: string | Buffer, _encoding, done) {
      terminal.write(chunk);
      done();
    },
  });
  return Object.assign(stream, { isTTY: true });
}
