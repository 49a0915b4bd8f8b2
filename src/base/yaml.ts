// Import this file dynamically: the parser takes 20 ms to load.
import type { LineCounter, YAMLParseError } from 'yaml';

/** `line 2, column 3 is not YAML: missing closing "quote` */
export function yamlFault({ pos: [start], message }: YAMLParseError, lines: LineCounter): string {
  const { line, col } = lines.linePos(start);
  return `line ${line}, column ${col} is not YAML: ${message.charAt(0).toLowerCase()}${message.slice(1)}`;
}

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
