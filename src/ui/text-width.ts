import { stripVTControlCharacters } from 'node:util';
import { safeText } from './safe-text.js';

// Widths are terminal cells: 2 for wide characters (Unicode Standard Annex 11) and emoji.

const invisible = /^[\p{Mn}\p{Me}\p{Cf}]$/u;
const wide =
  /^[\u{1100}-\u{115f}\u{2e80}-\u{303e}\u{3041}-\u{a4cf}\u{a960}-\u{a97c}\u{ac00}-\u{d7a3}\u{f900}-\u{faff}\u{fe30}-\u{fe6f}\u{ff01}-\u{ff60}\u{ffe0}-\u{ffe6}\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6ff}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]$/u;

export function widthOf(text: string): number {
  let width = 0;
  for (const character of stripVTControlCharacters(text)) width += cellsOf(character);
  return width;
}

function cellsOf(character: string): number {
  if (invisible.test(character)) return 0;
  return wide.test(character) ? 2 : 1;
}

export function padEnd(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)));
}

/** Adds an ellipsis to shortened text. @param text uncolored */
export function truncate(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let kept = '';
  let used = 0;
  for (const character of text) {
    used += cellsOf(character);
    if (used > width - 1) break;
    kept += character;
  }
  return width > 0 ? `${kept}…` : '';
}

/** Breaks at spaces, or inside a word longer than a line. @param text uncolored */
export function wrap(text: string, width: number): string[] {
  const lines = safeText(text).replaceAll('\t', '    ').split('\n');
  return lines.flatMap((line) => wrapLine(line.trimEnd(), width));
}

function wrapLine(line: string, width: number): string[] {
  if (widthOf(line) <= width) return [line];
  const cut = breakPoint(line, width);
  return [line.slice(0, cut).trimEnd(), ...wrapLine(line.slice(cut).trimStart(), width)];
}

/** After the last space that fits, else at the full width. */
function breakPoint(line: string, width: number): number {
  let used = 0;
  let end = 0;
  let afterSpace = 0;
  for (const character of line) {
    used += cellsOf(character);
    if (used > width && end > 0) break;
    end += character.length;
    if (character === ' ' && line.slice(0, end).trim() !== '') afterSpace = end;
  }
  return line[end] === ' ' ? end : afterSpace || end;
}
