import { isKnownFunction } from './functions.js';
import { type Piece, parsingError, scan, type Token } from './scan.js';
import type { GoValue } from './value.js';

/** https://pkg.go.dev/text/template without `define`, `template`, `block`, `break`, `continue`. */
export type TemplateNode =
  | { kind: 'text'; text: string }
  | { kind: 'print'; pipeline: Pipeline }
  | {
      kind: 'if' | 'with' | 'range';
      pipeline: Pipeline;
      body: TemplateNode[];
      otherwise: TemplateNode[];
    };

export interface Pipeline {
  /** `$x := …`, `$i, $x := …`, `$x = …`. */
  variables: string[];
  assigns: boolean;
  /** Each gets the previous value as its last argument. */
  commands: Command[];
}

/** The first of several operands is a function. */
export interface Command {
  operands: Operand[];
  /** As written, for messages. */
  text: string;
}

export type Operand =
  | { kind: 'value'; value: GoValue }
  | { kind: 'function'; name: string }
  | { kind: 'dot' }
  | { kind: 'variable'; name: string }
  | { kind: 'pipeline'; pipeline: Pipeline }
  | { kind: 'fields'; of: Operand; names: string[] };

const blocks = ['if', 'with', 'range'] as const;

/** @throws UserError in Go's words */
export function parseTemplate(template: string): TemplateNode[] {
  const pieces = scan(template);
  const lines = template.split('\n').length;
  return new TreeParser(pieces, lines).parse();
}

class TreeParser {
  private index = 0;

  constructor(
    private readonly pieces: readonly Piece[],
    private readonly lines: number,
  ) {}

  parse(): TemplateNode[] {
    const { nodes, end } = this.list(['$'], true);
    if (end) throw parsingError(end.line, `unexpected {{${end.word}}}`);
    return nodes;
  }

  /** Also consumes the block's `end` or `else`. */
  private list(scope: string[], atTop = false): { nodes: TemplateNode[]; end?: BlockEnd } {
    const nodes: TemplateNode[] = [];
    for (let piece = this.pieces[this.index++]; piece; piece = this.pieces[this.index++]) {
      if (piece.kind === 'text') {
        nodes.push(piece);
        continue;
      }
      const [first, ...rest] = piece.tokens;
      if (!first) throw parsingError(piece.line, 'missing value for command');
      if (first.kind === 'word' && (first.text === 'end' || first.text === 'else'))
        return { nodes, end: { word: first.text, rest, line: piece.line } };
      nodes.push(this.action(first, rest, piece, scope));
    }
    if (!atTop) throw parsingError(this.lines, 'unexpected EOF');
    return { nodes };
  }

  private action(
    first: Token,
    rest: Token[],
    { tokens, line }: Piece & { kind: 'action' },
    scope: string[],
  ): TemplateNode {
    const block = blocks.find((word) => first.kind === 'word' && word === first.text);
    if (block) return this.block(block, rest, line, [...scope]);
    if (['define', 'template', 'block', 'break', 'continue'].includes(first.text) && first.kind === 'word')
      throw parsingError(line, `{{${first.text}}} is not supported here`);
    return { kind: 'print', pipeline: new PipelineParser(tokens, line, scope, 'command').parse() };
  }

  private block(kind: 'if' | 'with' | 'range', tokens: Token[], line: number, scope: string[]): TemplateNode {
    const pipeline = new PipelineParser(tokens, line, scope, kind).parse();
    const { nodes: body, end } = this.list([...scope]);
    if (!end || end.word === 'end') return { kind, pipeline, body, otherwise: [] };
    const [next, ...rest] = end.rest;
    if (!next) {
      const otherwise = this.list([...scope]);
      if (otherwise.end?.word === 'else')
        throw parsingError(otherwise.end.line, 'expected end; found {{else}}');
      return { kind, pipeline, body, otherwise: otherwise.nodes };
    }
    if (next.text !== kind || kind === 'range')
      throw parsingError(end.line, `unexpected <${next.text}> in else`);
    return { kind, pipeline, body, otherwise: [this.block(kind, rest, end.line, [...scope])] };
  }
}

interface BlockEnd {
  word: 'end' | 'else';
  rest: Token[];
  line: number;
}

class PipelineParser {
  private index = 0;

  constructor(
    private readonly tokens: readonly Token[],
    private readonly line: number,
    /** Declared variables are added. */
    private readonly scope: string[],
    private readonly context: string,
  ) {}

  parse(): Pipeline {
    const pipeline = this.pipeline();
    const extra = this.peek();
    if (extra) throw this.unexpected(extra, this.context);
    return pipeline;
  }

  private pipeline(): Pipeline {
    const { variables, assigns } = this.declaration();
    const commands = [this.command()];
    while (this.take('|')) commands.push(this.command());
    if (!assigns) this.scope.push(...variables);
    return { variables, assigns, commands };
  }

  private declaration(): { variables: string[]; assigns: boolean } {
    const [one, sign, other, last] = this.tokens.slice(this.index, this.index + 4);
    if (one?.kind !== 'variable') return { variables: [], assigns: false };
    if (sign?.text === ':=' || sign?.text === '=') {
      this.index += 2;
      if (sign.text === '=') this.requireVariable(one.text);
      return { variables: [one.text], assigns: sign.text === '=' };
    }
    if (this.context === 'range' && sign?.text === ',' && other?.kind === 'variable' && last?.text === ':=') {
      this.index += 4;
      return { variables: [one.text, other.text], assigns: false };
    }
    return { variables: [], assigns: false };
  }

  private command(): Command {
    const start = this.index;
    const operands: Operand[] = [];
    for (let token = this.peek(); token; token = this.peek()) {
      if (token.text === '|' || token.text === ')') break;
      operands.push(this.operand());
    }
    if (operands.length === 0) throw parsingError(this.line, `missing value for ${this.context}`);
    const text = this.tokens
      .slice(start, this.index)
      .map((token, index) => (token.spaced && index > 0 ? ` ${token.text}` : token.text))
      .join('');
    return { operands, text };
  }

  private operand(): Operand {
    let operand = this.term();
    const names: string[] = operand.kind === 'fields' ? operand.names : [];
    while (this.peek()?.kind === 'field' && this.peek()?.spaced === false)
      names.push((this.tokens[this.index++] as Token).text.slice(1));
    if (names.length > 0 && operand.kind !== 'fields') operand = { kind: 'fields', of: operand, names };
    return operand;
  }

  private term(): Operand {
    const token = this.tokens[this.index++] as Token;
    const { kind, text } = token;
    switch (kind) {
      case 'string':
        return { kind: 'value', value: text.startsWith('`') ? text.slice(1, -1) : unquote(text, this.line) };
      case 'character':
        return { kind: 'value', value: unquote(`"${text.slice(1, -1)}"`, this.line).codePointAt(0) ?? 0 };
      case 'number':
        return { kind: 'value', value: Number(text) };
      case 'field':
        return { kind: 'fields', of: { kind: 'dot' }, names: [text.slice(1)] };
      case 'dot':
        return { kind: 'dot' };
      case 'variable':
        this.requireVariable(text);
        return { kind: 'variable', name: text };
      case 'word':
        return this.word(text);
      default:
        return this.parenthesis(token);
    }
  }

  private word(text: string): Operand {
    if (text === 'true' || text === 'false') return { kind: 'value', value: text === 'true' };
    if (text === 'nil') return { kind: 'value', value: null };
    if (isKnownFunction(text)) return { kind: 'function', name: text };
    throw parsingError(this.line, `function "${text}" not defined`);
  }

  private parenthesis(token: Token): Operand {
    if (token.text !== '(') throw this.unexpected(token, 'operand');
    const pipeline = this.pipeline();
    if (!this.take(')')) throw parsingError(this.line, 'unclosed left paren');
    return { kind: 'pipeline', pipeline };
  }

  private peek(): Token | undefined {
    return this.tokens[this.index];
  }

  private take(text: string): boolean {
    if (this.peek()?.text !== text || this.peek()?.kind !== 'sign') return false;
    this.index++;
    return true;
  }

  private requireVariable(name: string): void {
    if (!this.scope.includes(name)) throw parsingError(this.line, `undefined variable "${name}"`);
  }

  private unexpected({ text }: Token, where: string): Error {
    if (text === ')') return parsingError(this.line, 'unexpected right paren');
    return parsingError(this.line, `unexpected <${text}> in ${where}`);
  }
}

const escapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  "'": "'",
  '"': '"',
};

function unquote(text: string, line: number): string {
  const body = text.slice(1, -1);
  return body.replaceAll(
    /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))/gs,
    (_, x?: string, u?: string, long?: string, octal?: string, letter?: string) => {
      const hex = x ?? u ?? long;
      if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
      if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
      const character = escapes[letter ?? ''];
      if (character === undefined) throw parsingError(line, 'invalid syntax');
      return character;
    },
  );
}
