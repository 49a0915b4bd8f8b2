/**
 * Draws what a terminal showed as one animated SVG: no script, no font of its own, so that it also moves inside an `<img>`.
 *
 * Each row of the screen is a strip with everything it ever showed, one below another, behind a window of one row; CSS moves the
 * strips. The last content is at the top of its strip: a viewer that ignores the animation, or a person who asked for less
 * motion, sees the end of the recording.
 */

/**
 * @typedef {import('./frames.js').Frame} Frame
 * @typedef {import('./frames.js').Run} Run
 * @typedef {import('./frames.js').Style} Style
 */

/** Six tenths of the font's size: the advance of nearly all monospace fonts. */
const cellWidth = 8.4;
const fontSize = 14;
const rowHeight = 19;
const baseline = 14;
const padding = 14;
const titleBar = 34;

const windowColor = '#0d1117';
const textColor = '#c9d1d9';

const palette = [
  '#484f58',
  '#ff7b72',
  '#3fb950',
  '#d29922',
  '#58a6ff',
  '#bc8cff',
  '#39c5cf',
  '#b1bac4',
  '#6e7681',
  '#ffa198',
  '#56d364',
  '#e3b341',
  '#79c0ff',
  '#d2a8ff',
  '#56d4dd',
  '#ffffff',
];

/**
 * @param {readonly Frame[]} frames
 * @param {{ columns: number, title: string, endPauseMs: number }} options
 * @returns {string}
 */
export function drawPicture(frames, { columns, title, endPauseMs }) {
  const rows = usedRows(frames);
  const durationMs = (frames.at(-1)?.atMs ?? 0) + endPauseMs;
  const contents = new Contents();
  const strips = Array.from({ length: rows }, (_, row) =>
    drawStrip(frames, row, { columns, durationMs, contents }),
  );
  const cursor = drawCursor(frames, durationMs);
  const width = round(columns * cellWidth + 2 * padding);
  const height = titleBar + rows * rowHeight + padding;
  const animations = [...strips.map(({ css }) => css), cursor.css].filter(Boolean);
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escapeText(title)}</title>`,
    `<style>${styleSheet}`,
    ...(animations.length > 0 ? ['@media (prefers-reduced-motion:no-preference){', ...animations, '}'] : []),
    '</style>',
    `<defs>${contents.definitions().join('\n')}</defs>`,
    ...drawWindow(width, height, title),
    `<g transform="translate(${padding} ${titleBar})">`,
    ...(cursor.svg ? [cursor.svg] : []),
    ...strips.flatMap(({ svg }) => (svg ? [svg] : [])),
    '</g>',
    '</svg>',
  ].join('\n')}\n`;
}

const styleSheet = [
  `text{font:${fontSize}px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:${textColor}}`,
  '.b{font-weight:700}.d{opacity:.6}.i{font-style:italic}.u{text-decoration:underline}',
  palette.map((color, index) => `.c${index}{fill:${color}}`).join(''),
].join('\n');

/** @param {readonly Frame[]} frames */
function usedRows(frames) {
  const last = frames.map(({ rows, cursor }) => {
    const text = rows.findLastIndex((runs) => runs.length > 0);
    return Math.max(text, cursor?.row ?? 0);
  });
  return Math.max(0, ...last) + 1;
}

/**
 * @param {number} width
 * @param {number} height
 * @param {string} title
 */
function drawWindow(width, height, title) {
  const lights = ['#ff5f57', '#febc2e', '#28c840'];
  return [
    `<rect width="${width}" height="${height}" rx="8" fill="${windowColor}"/>`,
    `<rect x=".5" y=".5" width="${round(width - 1)}" height="${height - 1}" rx="7.5" fill="none" stroke="#30363d"/>`,
    ...lights.map((color, index) => `<circle cx="${18 + index * 18}" cy="17" r="5.5" fill="${color}"/>`),
    `<text class="d" x="${round(width / 2)}" y="21" text-anchor="middle">${escapeText(title)}</text>`,
  ];
}

/** Everything that a row ever showed, drawn once however often and wherever it comes. */
class Contents {
  /** @type {Map<string, number>} */
  ids = new Map();

  /** @param {readonly Run[]} runs */
  idOf(runs) {
    const svg = runs.map(drawRun).join('');
    const id = this.ids.get(svg) ?? this.ids.size;
    this.ids.set(svg, id);
    return id;
  }

  definitions() {
    return [...this.ids].map(([svg, id]) => `<g id="r${id}">${svg}</g>`);
  }
}

/**
 * One row of the screen through the whole recording.
 *
 * @param {readonly Frame[]} frames
 * @param {number} row
 * @param {{ columns: number, durationMs: number, contents: Contents }} options
 * @returns {{ svg: string, css: string }}
 */
function drawStrip(frames, row, { columns, durationMs, contents }) {
  const shown = frames.map(({ atMs, rows }) => {
    const runs = rows[row] ?? [];
    return { atMs, value: runs.length > 0 ? contents.idOf(runs) : -1 };
  });
  const steps = changes(shown);
  const slots = [...new Set(steps.map(({ value }) => value).reverse())];
  const uses = slots
    .map((id, slot) => (id < 0 ? '' : `<use href="#r${id}" y="${slot * rowHeight + baseline}"/>`))
    .join('');
  if (uses === '') return { svg: '', css: '' };
  const frame = `<svg y="${row * rowHeight}" width="${round(columns * cellWidth)}" height="${rowHeight}">`;
  if (slots.length === 1) return { svg: `${frame}${uses}</svg>`, css: '' };
  const moves = steps.map(({ atMs, value }) => ({
    atMs,
    css: `transform:translateY(${-slots.indexOf(value) * rowHeight}px)`,
  }));
  return { svg: `${frame}<g id="s${row}">${uses}</g></svg>`, css: animation(`s${row}`, moves, durationMs) };
}

/**
 * @param {readonly Frame[]} frames
 * @param {number} durationMs
 * @returns {{ svg: string, css: string }}
 */
function drawCursor(frames, durationMs) {
  const places = changes(
    frames.map(({ atMs, cursor }) => ({ atMs, value: cursor ? `${cursor.column},${cursor.row}` : '' })),
  );
  if (places.every(({ value }) => value === '')) return { svg: '', css: '' };
  const last = places.at(-1)?.value || '0,0';
  const opacity = places.at(-1)?.value ? '.7' : '0';
  const svg = `<rect id="cursor" ${placeOf(last, 'attribute')} width="${cellWidth}" height="${rowHeight - 1}" fill="${textColor}" opacity="${opacity}"/>`;
  if (places.length === 1) return { svg, css: '' };
  const moves = places.map(({ atMs, value }) => ({
    atMs,
    css: value ? `transform:${placeOf(value, 'css', last)};opacity:.7` : 'opacity:0',
  }));
  return { svg, css: animation('cursor', moves, durationMs) };
}

/**
 * @param {string} place
 * @param {'attribute' | 'css'} as
 * @param {string} [origin]
 */
function placeOf(place, as, origin = '0,0') {
  const [column = 0, row = 0] = place.split(',').map(Number);
  const [originColumn = 0, originRow = 0] = origin.split(',').map(Number);
  const x = round((column - originColumn) * cellWidth);
  const y = (row - originRow) * rowHeight;
  return as === 'css' ? `translate(${x}px,${y}px)` : `x="${x}" y="${y}"`;
}

/**
 * @template T
 * @param {readonly { atMs: number, value: T }[]} values
 */
function changes(values) {
  return values.filter(({ value }, index) => index === 0 || value !== values[index - 1]?.value);
}

/**
 * @param {string} id
 * @param {readonly { atMs: number, css: string }[]} moves
 * @param {number} durationMs
 */
function animation(id, moves, durationMs) {
  const keyframes = moves.map(({ atMs, css }) => `${round((atMs / durationMs) * 100)}%{${css}}`).join('');
  return `@keyframes ${id}{${keyframes}}#${id}{animation:${id} ${round(durationMs / 1000)}s step-end infinite}`;
}

/** @param {Run} run */
function drawRun({ column, width, text, style }) {
  const x = round(column * cellWidth);
  const back = style.background === undefined ? '' : drawBackground(x, width, hexOf(style.background));
  const word = text.trimEnd();
  if (word === '') return back;
  const cells = width - (text.length - word.length);
  const fitted = cells > 1 ? ` textLength="${round(cells * cellWidth)}"` : '';
  return `${back}<text x="${x}"${fitted}${classOf(style)}>${escapeText(word)}</text>`;
}

/**
 * @param {number} x
 * @param {number} width in cells
 * @param {string} color
 */
function drawBackground(x, width, color) {
  return `<rect x="${x}" y="${-baseline}" width="${round(width * cellWidth)}" height="${rowHeight}" fill="${color}"/>`;
}

/** @param {Style} style */
function classOf({ color, bold, dim, italic, underline }) {
  const isNamed = color !== undefined && /^\d+$/.test(color) && Number(color) < palette.length;
  const classes = [isNamed && `c${color}`, bold && 'b', dim && 'd', italic && 'i', underline && 'u'].filter(
    Boolean,
  );
  const attribute = classes.length > 0 ? ` class="${classes.join(' ')}"` : '';
  return color !== undefined && !isNamed ? `${attribute} style="fill:${hexOf(color)}"` : attribute;
}

/**
 * The color of a palette number as xterm has it: 16 of the theme's own, a cube of 216, and 24 greys.
 *
 * @param {string} color
 */
function hexOf(color) {
  if (color === 'window') return windowColor;
  if (color === 'text') return textColor;
  if (color.startsWith('#')) return color;
  const index = Number(color);
  if (index < 16) return palette[index] ?? textColor;
  if (index >= 232) return hex([0, 0, 0].map(() => 8 + (index - 232) * 10));
  const cube = [Math.floor((index - 16) / 36), Math.floor((index - 16) / 6) % 6, (index - 16) % 6];
  return hex(cube.map((level) => (level === 0 ? 0 : 55 + level * 40)));
}

/** @param {readonly number[]} channels */
function hex(channels) {
  return `#${channels.map((channel) => channel.toString(16).padStart(2, '0')).join('')}`;
}

/**
 * Text for XML 1.0, which has no place for control characters and lone surrogates, escaped or not.
 *
 * @param {string} text
 */
export function escapeText(text) {
  const allowed = text.replaceAll(/[^\x20-\x7e\u00a0-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd');
  return allowed.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** @param {number} value */
function round(value) {
  return Math.round(value * 100) / 100;
}
