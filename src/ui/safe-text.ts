import { stripVTControlCharacters } from 'node:util';
import { paintSequence } from './colors.js';

// Whatever a machine, a provider, an image or a plugin says passes through one of these functions
// before it reaches a terminal, a log or a document.

/** The formats of docker, DigitalOcean and AWS. */
const secrets: readonly [pattern: RegExp, shown: string][] = [
  [
    /(-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----)(?!\[redacted\])[\s\S]*?(-----END [A-Z0-9 ]*PRIVATE KEY-----|$)/g,
    '$1[redacted]$2',
  ],
  [/SWM(TKN|KEY)-1-[A-Za-z0-9+/=-]+/g, 'SWM$1-1-[redacted]'],
  [/\b(Bearer|Basic)\s+(?!\[redacted\])[A-Za-z0-9._~+/=-]{8,}/gi, '$1 [redacted]'],
  [/do([opr])_v1_[A-Za-z0-9]+/g, 'do$1_v1_[redacted]'],
  [
    /((?:secret[_-]?access[_-]?key|secret[_-]?key|session[_-]?token|access[_-]?token)["']?\s*[=:]\s*["']?)(?!\[redacted\])[^\s"',;]+/gi,
    '$1[redacted]',
  ],
  [/(--[a-z0-9-]*(?:access-token|secret-key|session-token)\s+)(?!\[redacted\])\S+/gi, '$1[redacted]'],
];

/** Hides join tokens, unlock keys, private keys, and tokens and keys of providers. */
export function redact(text: string): string {
  return secrets.reduce((safe, [pattern, shown]) => safe.replaceAll(pattern, shown), text);
}

const secretKey = /^(secret[_-]?(access[_-]?)?key|session[_-]?token|access[_-]?token)$/i;
const lineBreak = /\r\n?|[\v\f\u0085\u2028\u2029]/g;
const control = /(?![\n\t])\p{Cc}/gu;
/** Controls of the direction of writing, byte order marks and invisible tags. */
const deceptive = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\u{e0000}-\u{e007f}]/gu;

function withoutControls(text: string): string {
  if (/^[ -~]*$/.test(text)) return text;
  return stripVTControlCharacters(text)
    .replaceAll(lineBreak, '\n')
    .replaceAll(control, '')
    .replaceAll(deceptive, '');
}

/** Keeps line breaks and tabs. */
export function safeText(text: string): string {
  return redact(withoutControls(text));
}

/** Indents all lines but the first, so that none of them looks like a message of its own. */
export function safeMessage(text: string): string {
  return safeText(text).replaceAll(/\n(?=\S)/g, '\n  ');
}

export function oneLine(text: string): string {
  return safeText(text).replaceAll(/\s+/g, ' ').trim();
}

/** Joins lines, none of which may contain a line break. */
export function joinLines(lines: readonly string[]): string {
  return lines.map((line) => safeText(line).replaceAll(/\s*[\n\t]\s*/g, ' ')).join('\n');
}

/** For views: keeps belt's own colors. @param secrets whether they are what the user asked for */
export function safeView(view: string, { secrets = false } = {}): string {
  const parts = view.split(paintSequence);
  const shown = parts.map((part, index) => (index % 2 === 1 ? part : withoutControls(part))).join('');
  return secrets ? shown : redact(shown);
}

interface JsonOptions {
  /** Default: one line. */
  indent?: number;
  /** Whether they are what the user asked for. */
  secrets?: boolean;
  /** For the texts in the document. */
  text?: (text: string) => string;
}

export function safeJson(
  document: unknown,
  { indent = 0, secrets = false, text = secrets ? withoutControls : safeText }: JsonOptions = {},
): string {
  const safe = (key: string, value: unknown): unknown => {
    if (typeof value === 'string') return !secrets && secretKey.test(key) ? '[redacted]' : text(value);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([name, content]) => [text(name), content]));
  };
  return JSON.stringify(document, safe, indent);
}
