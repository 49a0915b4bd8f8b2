/** @typedef {import('./frames.js').Frame} Frame */

/** A longer wait keeps only its first and last moments. */
const longestWaitMs = 1500;
/** The interval between frames while only spinners and clocks move. */
const waitFrameMs = 250;
const frameMs = 100;

/**
 * Cuts long waits short, and speeds up a recording that is still too long.
 *
 * @param {readonly Frame[]} frames
 * @param {{ longestMs: number }} options
 * @returns {Frame[]}
 */
export function shorten(frames, { longestMs }) {
  const cut = cutWaits(frames);
  const durationMs = cut.at(-1)?.atMs ?? 0;
  const speed = Math.max(1, durationMs / longestMs);
  return thinOut(cut.map((frame) => ({ ...frame, atMs: Math.round(frame.atMs / speed) })));
}

/**
 * @param {readonly Frame[]} frames
 * @returns {Frame[]}
 */
function cutWaits(frames) {
  /** @type {Frame[]} */
  const kept = [];
  let cutMs = 0;
  for (const wait of waits(frames)) {
    const excessMs = Math.max(0, wait.endMs - wait.startMs - longestWaitMs);
    const cutFromMs = wait.startMs + longestWaitMs / 2;
    for (const frame of wait.frames) {
      if (excessMs > 0 && frame.atMs > cutFromMs && frame.atMs < cutFromMs + excessMs) continue;
      const isAfterCut = excessMs > 0 && frame.atMs >= cutFromMs + excessMs;
      kept.push({ ...frame, atMs: frame.atMs - cutMs - (isAfterCut ? excessMs : 0) });
    }
    cutMs += excessMs;
  }
  return kept;
}

/**
 * The periods in which only spinners and clocks move, each up to the frame that ends it.
 *
 * @param {readonly Frame[]} frames
 */
function waits(frames) {
  /** @type {{ startMs: number, endMs: number, frames: Frame[] }[]} */
  const found = [];
  for (const frame of frames) {
    const last = found.at(-1);
    if (last) last.endMs = frame.atMs;
    if (last?.frames[0] && stillText(last.frames[0]) === stillText(frame)) last.frames.push(frame);
    else found.push({ startMs: frame.atMs, endMs: frame.atMs, frames: [frame] });
  }
  return found;
}

/**
 * Drops frames that follow too closely, and keeps the last of each moment.
 *
 * @param {readonly Frame[]} frames
 * @returns {Frame[]}
 */
function thinOut(frames) {
  /** @type {Frame[]} */
  const kept = [];
  for (const frame of frames) {
    const before = kept.at(-1);
    const spacingMs = before && stillText(before) === stillText(frame) ? waitFrameMs : frameMs;
    const isLast = frame === frames.at(-1);
    if (!before || frame.atMs - before.atMs >= spacingMs) kept.push(frame);
    else if (isLast || spacingMs === frameMs) kept[kept.length - 1] = { ...frame, atMs: before.atMs };
  }
  return kept;
}

/**
 * The text of a frame without spinners, clocks and the space between columns.
 *
 * @param {Frame} frame
 */
function stillText({ rows }) {
  const lines = rows.map((runs) => runs.map(({ text }) => text).join(' '));
  return lines
    .join('\n')
    .replaceAll(/[\u2800-\u28ff]/gu, '⠿')
    .replaceAll(/\d+(m\d+)?(\.\d+)?s\b/g, '0s');
}
