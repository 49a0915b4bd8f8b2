import { codePoint } from '../../base/code-point.js';
import { UserError } from '../../base/errors.js';

export type Piece = { kind: 'text'; text: string } | { kind: 'action'; tokens: Token[]; line: number };

export interface Token {
  kind: TokenKind;
  /** As written. */
  text: string;
  /** Whether a blank precedes it: `.a.b` is one operand, `.a .b` are two. */
  spaced: boolean;
}

type TokenKind = 'string' | 'character' | 'number' | 'field' | 'dot' | 'variable' | 'word' | 'sign';

/** Go prints the template's name, which is empty here, and the line. */
export function parsingError(line: number, reason: string): UserError {
  return new UserError(`template parsing error: template: :${line}: ${reason}`);
}

/** @throws UserError in Go's words */
export function scan(template: string): Piece[] {
  const pieces: Piece[] = [];
  let position = 0;
  let trimNext = false;
  for (;;) {
    const start = template.indexOf('{{', position);
    const rawText = start === -1 ? template.slice(position) : template.slice(position, start);
    const trimEnd = start !== -1 && /^\{\{-\s/.test(template.slice(start, start + 4));
    const text = trim(rawText, trimNext, trimEnd);
    if (text !== '') pieces.push({ kind: 'text', text });
    if (start === -1) return pieces;
    const line = lineAt(template, start);
    const { tokens, end } = scanAction(template, start + (trimEnd ? 3 : 2), line);
    if (tokens) pieces.push({ kind: 'action', tokens, line });
    trimNext = /\s-$/.test(template.slice(start, end));
    position = end + 2;
  }
}

/** `{{- ` trims before the action, ` -}}` after it. */
function trim(text: string, start: boolean, end: boolean): string {
  const rest = start ? text.trimStart() : text;
  return end ? rest.trimEnd() : rest;
}

/** Tried in this order. */
const patterns: readonly (readonly [TokenKind, RegExp])[] = [
  ['string', /"(?:[^"\\\n]|\\.)*"|`[^`]*`/y],
  ['character', /'(?:[^'\\\n]|\\.)+'/y],
  ['number', /[+-]?(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)/y],
  ['field', /\.[\p{L}_][\p{L}\p{N}_]*/uy],
  ['dot', /\./y],
  ['variable', /\$[\p{L}\p{N}_]*/uy],
  ['word', /[\p{L}_][\p{L}\p{N}_]*/uy],
  ['sign', /:=|[=|(),]/y],
];

/** @returns no tokens for a comment; `end` is the position of the closing `}}` */
function scanAction(template: string, start: number, line: number): { tokens?: Token[]; end: number } {
  const comment = /\s*\/\*[\s\S]*?\*\/\s*-?(?=\}\})/y;
  comment.lastIndex = start;
  if (comment.test(template)) return { end: comment.lastIndex };
  const tokens: Token[] = [];
  let position = start;
  for (;;) {
    const before = position;
    while (/\s/.test(template.charAt(position))) position++;
    const spaced = position > before;
    if (template.startsWith('}}', position)) return { tokens, end: position };
    if (spaced && template.startsWith('-}}', position)) return { tokens, end: position + 1 };
    if (position >= template.length) throw parsingError(line, 'unclosed action');
    const token = tokenAt(template, position, line);
    tokens.push({ ...token, spaced });
    position += token.text.length;
  }
}

function tokenAt(template: string, position: number, line: number): Omit<Token, 'spaced'> {
  for (const [kind, pattern] of patterns) {
    pattern.lastIndex = position;
    const [text] = pattern.exec(template) ?? [];
    if (text !== undefined) return { kind, text };
  }
  const character = String.fromCodePoint(template.codePointAt(position) ?? 0);
  if (character === '"' || character === '`') throw parsingError(line, 'unterminated quoted string');
  if (character === "'") throw parsingError(line, 'unterminated character constant');
  if (character === '}') throw parsingError(line, 'unexpected "}" in operand');
  throw parsingError(line, `unrecognized character in action: ${codePoint(character)} '${character}'`);
}

function lineAt(template: string, position: number): number {
  return template.slice(0, position).split('\n').length;
}
