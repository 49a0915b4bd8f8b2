// Import this file dynamically: the parser takes 20 ms to load.
import type { LineCounter, YAMLParseError } from 'yaml';

/** `line 2, column 3 is not YAML: missing closing "quote` */
export function yamlFault(error: YAMLParseError, lines: LineCounter): string {
  const { line, col } = lines.linePos(error.pos[0]);
  return `line ${line}, column ${col} is not YAML: ${reasonOf(error)}`;
}

/** The parser's messages use the terms of YAML's specification. */
function reasonOf({ code, message }: YAMLParseError): string {
  if (code === 'BAD_INDENT' && message.startsWith('Flow')) return 'a "[" or "{" before it is never closed';
  return reasons[code] ?? `${message.charAt(0).toLowerCase()}${message.slice(1)}`;
}

const reasons: Partial<Record<YAMLParseError['code'], string>> = {
  TAB_AS_INDENT: 'the line is indented with a tab: use spaces',
  MULTIPLE_DOCS: 'a second document begins here: keep one, without another "---"',
  BAD_INDENT: 'begin all keys of one level in the same column',
  BLOCK_AS_IMPLICIT_KEY:
    'a key inside a value: begin all keys of one level in the same column, and quote a value that contains ": "',
  MULTILINE_IMPLICIT_KEY: 'the line has no ": " after its key',
  UNEXPECTED_TOKEN: 'it does not belong here: check the indentation of this line and of those before it',
  DUPLICATE_KEY: 'the key exists twice: remove one',
  BAD_SCALAR_START: 'a value cannot begin with this character: put the value in quotes',
};

export {
  isAlias,
  isCollection,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  stringify,
} from 'yaml';
