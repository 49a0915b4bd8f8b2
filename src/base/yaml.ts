// Import this file dynamically: the parser takes 20 ms to load.
import { type Document, LineCounter, parseDocument, visit, type YAMLError } from 'yaml';
import { codePoint } from './code-point.js';

interface ParsedYaml {
  document: Document;
  lines: LineCounter;
  /** Such as `line 2, column 3 is not YAML: a quote before it is never closed`. */
  fault?: string;
}

/** Also faults what would silently become another value: unknown tags and aliases. */
export function parseYaml(text: string): ParsedYaml {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [error] = [...document.errors, ...document.warnings];
  const fault =
    strangeCharacter(text) ??
    (error && { offset: error.pos[0], reason: reasonOf(error, text) }) ??
    emptyReference(document);
  if (!fault) return { document, lines };
  const { line, col } = lines.linePos(fault.offset);
  return { document, lines, fault: `line ${line}, column ${col} is not YAML: ${fault.reason}` };
}

interface Fault {
  offset: number;
  reason: string;
}

/** Control characters, bytes that are not UTF-8, and invisible ones where only a space belongs. */
function strangeCharacter(text: string): Fault | undefined {
  const found = /[^\P{Cc}\t\r\n\u0085]|\uFEFF|\uFFFD|(?<=^[ \u00A0]*|:)\u00A0/mu.exec(text);
  if (!found) return undefined;
  const [character] = found;
  const code = codePoint(character);
  const reasons: Record<string, string> = {
    '\uFFFD': 'the file is not in UTF-8',
    '\u00A0': `an invisible character (${code}): use a space`,
  };
  return { offset: found.index, reason: reasons[character] ?? `an invisible character (${code}): remove it` };
}

/** `*name` without a value of that name, and `&name` without a value. */
function emptyReference(document: Document): Fault | undefined {
  let fault: Fault | undefined;
  const refuse = (offset = 0) => {
    fault = { offset, reason: badStart };
    return visit.BREAK;
  };
  visit(document, {
    Alias: (_, node) => (node.resolve(document) ? undefined : refuse(node.range?.[0])),
    Scalar: (_, node) => (node.anchor && node.value === null ? refuse(node.range?.[0]) : undefined),
  });
  return fault;
}

const badStart = 'a value cannot begin with this character: put the value in quotes';

/** The parser's messages use the terms of YAML's specification. */
function reasonOf({ code, message, pos }: YAMLError, text: string): string {
  const line = text.slice(text.lastIndexOf('\n', pos[0] - 1) + 1, pos[0] + 1);
  if (/^ *\t/.test(line)) return reasons.TAB_AS_INDENT as string;
  if (code === 'BAD_INDENT' && message.startsWith('Flow')) return 'a "[" or "{" before it is never closed';
  if (message.startsWith('Missing closing')) return 'a quote before it is never closed';
  if (message.startsWith('Implicit map keys')) return reasons.MULTILINE_IMPLICIT_KEY as string;
  return reasons[code] ?? `${message.charAt(0).toLowerCase()}${message.slice(1)}`;
}

const reasons: Partial<Record<YAMLError['code'], string>> = {
  TAB_AS_INDENT: 'the line is indented with a tab: use spaces',
  MULTIPLE_DOCS: 'a second document begins here: keep one, without another "---"',
  BAD_INDENT: 'begin all keys of one level in the same column',
  BLOCK_AS_IMPLICIT_KEY:
    'a key inside a value: begin all keys of one level in the same column, and quote a value that contains ": "',
  MULTILINE_IMPLICIT_KEY: 'the line has no ": " after its key',
  UNEXPECTED_TOKEN: 'it does not belong here: check the indentation of this line and of those before it',
  DUPLICATE_KEY: 'the key exists twice: remove one',
  BAD_SCALAR_START: badStart,
  BAD_ALIAS: badStart,
  TAG_RESOLVE_FAILED: badStart,
  BAD_DQ_ESCAPE: 'a backslash has a meaning between double quotes: use single quotes',
  RESOURCE_EXHAUSTION: 'too many brackets are open',
};

export {
  isAlias,
  isCollection,
  isMap,
  isPair,
  isScalar,
  isSeq,
  parseDocument,
  stringify,
} from 'yaml';
