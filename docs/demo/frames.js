import xterm from '@xterm/headless';

/**
 * A part of a row in one style. Runs exclude blanks without a background.
 *
 * @typedef {object} Run
 * @property {number} column
 * @property {number} width in cells
 * @property {string} text
 * @property {Style} style
 */

/**
 * @typedef {object} Style
 * @property {string} [color] a palette number or `#rrggbb`; default: the terminal's
 * @property {string} [background]
 * @property {boolean} [bold]
 * @property {boolean} [dim]
 * @property {boolean} [italic]
 * @property {boolean} [underline]
 */

/**
 * The terminal's screen at one time.
 *
 * @typedef {object} Frame
 * @property {number} atMs
 * @property {Run[][]} rows
 * @property {{ column: number, row: number } | undefined} cursor
 */

/** Writes closer together than this share a frame. */
const frameMs = 100;

/**
 * Replays a recording in a terminal and captures its screen about ten times a second.
 *
 * @param {readonly { atMs: number, data: string }[]} writes
 * @param {{ columns: number, rows: number }} size
 * @returns {Promise<Frame[]>} each differs from the previous one; the first is the empty screen
 */
export async function replay(writes, { columns, rows }) {
  const terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
  const cursor = watchCursor(terminal);
  /** @type {Frame[]} */
  const frames = [look(terminal, 0, cursor.visible)];
  for (const [index, { atMs, data }] of writes.entries()) {
    await new Promise((resolve) => terminal.write(data, () => resolve(undefined)));
    const nextMs = writes[index + 1]?.atMs ?? Number.POSITIVE_INFINITY;
    if (Math.floor(nextMs / frameMs) === Math.floor(atMs / frameMs)) continue;
    const frame = look(terminal, atMs, cursor.visible);
    if (!sameScreen(frame, frames.at(-1))) frames.push(frame);
  }
  terminal.dispose();
  return frames;
}

/**
 * @param {Frame} frame
 * @param {Frame | undefined} other
 */
function sameScreen(frame, other) {
  return JSON.stringify({ ...frame, atMs: 0 }) === JSON.stringify({ ...other, atMs: 0 });
}

/**
 * Tracks `DECTCEM` (cursor visibility), which xterm.js does not report.
 *
 * @param {import('@xterm/headless').Terminal} terminal
 */
function watchCursor(terminal) {
  const cursor = { visible: true };
  for (const final of ['h', 'l']) {
    terminal.parser.registerCsiHandler({ prefix: '?', final }, (modes) => {
      if (modes.includes(25)) cursor.visible = final === 'h';
      return false;
    });
  }
  return cursor;
}

/**
 * @param {import('@xterm/headless').Terminal} terminal
 * @param {number} atMs
 * @param {boolean} cursorVisible
 * @returns {Frame}
 */
function look(terminal, atMs, cursorVisible) {
  const buffer = terminal.buffer.active;
  const rows = Array.from({ length: terminal.rows }, (_, row) =>
    runsOf(cellsOf(buffer.getLine(buffer.baseY + row))),
  );
  const cursor = cursorVisible ? { column: buffer.cursorX, row: buffer.cursorY } : undefined;
  return { atMs, rows, cursor };
}

/** @typedef {{ column: number, width: number, text: string, style: Style }} Cell */

/**
 * @param {import('@xterm/headless').IBufferLine | undefined} line
 * @returns {Cell[]}
 */
function cellsOf(line) {
  /** @type {Cell[]} */
  const cells = [];
  for (let column = 0; column < (line?.length ?? 0); column++) {
    const cell = line?.getCell(column);
    if (!cell || cell.getWidth() === 0) continue;
    cells.push({ column, width: cell.getWidth(), text: cell.getChars() || ' ', style: styleOf(cell) });
  }
  return cells;
}

/**
 * @param {import('@xterm/headless').IBufferCell} cell
 * @returns {Style}
 */
function styleOf(cell) {
  const color = colorOf(cell.isFgDefault(), cell.isFgRGB(), cell.getFgColor());
  const background = colorOf(cell.isBgDefault(), cell.isBgRGB(), cell.getBgColor());
  const [front, back] = cell.isInverse() ? [background ?? 'window', color ?? 'text'] : [color, background];
  return {
    ...(front !== undefined && { color: front }),
    ...(back !== undefined && { background: back }),
    ...(cell.isBold() && { bold: true }),
    ...(cell.isDim() && { dim: true }),
    ...(cell.isItalic() && { italic: true }),
    ...(cell.isUnderline() && { underline: true }),
  };
}

/**
 * @param {boolean} isDefault
 * @param {boolean} isRgb
 * @param {number} value
 * @returns {string | undefined}
 */
function colorOf(isDefault, isRgb, value) {
  if (isDefault) return undefined;
  return isRgb ? `#${value.toString(16).padStart(6, '0')}` : String(value);
}

/**
 * Joins cells to runs of one style, without blanks at the ends or two in a row. A run never mixes
 * ASCII with other characters, which a viewer may draw in a font with other widths.
 *
 * @param {readonly Cell[]} cells
 * @returns {Run[]}
 */
function runsOf(cells) {
  /** @type {Run[]} */
  const runs = [];
  /** @type {Run | undefined} */
  let run;
  for (const cell of cells) {
    const blank = cell.text === ' ' && cell.style.background === undefined;
    if (blank && !run) continue;
    if (run && joins(run, cell)) {
      run.text += cell.text;
      run.width += cell.width;
      continue;
    }
    run = blank ? undefined : { ...cell };
    if (run) runs.push(run);
  }
  return runs.map(withoutEndingBlank).filter(({ text }) => text !== '');
}

/**
 * @param {Run} run
 * @param {Cell} cell
 */
function joins(run, cell) {
  if (cell.column !== run.column + run.width || JSON.stringify(cell.style) !== JSON.stringify(run.style))
    return false;
  if (run.text.endsWith(' ') && (cell.text === ' ') !== (run.text.trim() === '')) return false;
  return isAscii(run.text) === isAscii(cell.text);
}

/** @param {string} text */
function isAscii(text) {
  return /^[\x20-\x7e]*$/.test(text);
}

/**
 * @param {Run} run
 * @returns {Run}
 */
function withoutEndingBlank(run) {
  if (run.style.background !== undefined || !run.text.endsWith(' ')) return run;
  return { ...run, text: run.text.slice(0, -1), width: run.width - 1 };
}
