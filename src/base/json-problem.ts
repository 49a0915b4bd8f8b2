import { codePoint } from './code-point.js';

interface JsonProblem {
  /** From 1. */
  line: number;
  column: number;
  problem: string;
}

/**
 * Where text is not JSON (RFC 8259), as `JSON.parse` does not always say; undefined if it is.
 * @param unique also find the first key that an object has twice
 */
export function findJsonProblem(text: string, { unique = false } = {}): JsonProblem | undefined {
  const scanner = new Scanner(text, unique);
  const problem = scanner.value() ?? scanner.end();
  if (problem === undefined) return undefined;
  const before = text.slice(0, scanner.at).split('\n');
  return { line: before.length, column: (before.at(-1) ?? '').length + 1, problem };
}

const token =
  /[{}[\],:]|"(?:[^"\\\p{Cc}]|[\u007f-\u009f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.])/uy;

/** Each bracket is a call on the stack. */
const maxDepth = 1000;

/** Methods return what is wrong at `at`. */
class Scanner {
  at = 0;
  private next = '';
  private depth = 0;

  constructor(
    private readonly text: string,
    private readonly unique: boolean,
  ) {
    this.move('');
  }

  value(): string | undefined {
    const keys = new Set<string>();
    if (this.next === '{') return this.items('}', () => this.member(keys));
    if (this.next === '[') return this.items(']', () => this.value());
    if (this.next === '' || /^[}\],:]/.test(this.next)) return this.unexpected('a value');
    this.move(this.next);
    return undefined;
  }

  end(): string | undefined {
    return this.at === this.text.length ? undefined : this.unexpected('the end of the file');
  }

  private items(close: string, item: () => string | undefined): string | undefined {
    this.depth++;
    if (this.depth > maxDepth) return `more than ${maxDepth} brackets are open`;
    this.move(this.next);
    if (this.take(close)) return undefined;
    for (;;) {
      const problem = item();
      if (problem !== undefined) return problem;
      if (this.take(close)) return undefined;
      if (!this.take(',')) return this.unexpected(`"," or "${close}"`);
      if (this.next === close) return `there is a comma before "${close}"`;
    }
  }

  private member(keys: Set<string>): string | undefined {
    if (!this.next.startsWith('"')) return this.unexpected('a key in double quotes');
    if (this.unique && keys.has(this.next)) return `the key ${this.next} is there a second time`;
    keys.add(this.next);
    this.move(this.next);
    return this.take(':') ? this.value() : this.unexpected('":"');
  }

  private take(word: string): boolean {
    if (this.next !== word) return false;
    if (/[}\]]/.test(word)) this.depth--;
    this.move(word);
    return true;
  }

  private move(past: string): void {
    this.at += past.length;
    while (/[ \t\r\n]/.test(this.text.charAt(this.at))) this.at++;
    token.lastIndex = this.at;
    this.next = token.exec(this.text)?.[0] ?? '';
  }

  private unexpected(wanted: string): string {
    const rest = this.text.slice(this.at);
    if (rest === '') return `expected ${wanted}, but the file ends`;
    if (/^(\/\/|\/\*|#)/.test(rest))
      return `expected ${wanted}, but there is a comment, which JSON does not have`;
    if (rest.startsWith("'")) return `expected ${wanted}, but there is a single quote`;
    if (rest.startsWith('"') && this.next === '')
      return 'the string has no end, or a character that JSON escapes';
    if (/^[\0\uFFFD]/.test(rest)) return `expected ${wanted}, but there is text that is not UTF-8`;
    const found = this.next || /^\S[\w.-]*/.exec(rest)?.[0] || codePoint(rest);
    return `expected ${wanted}, but there is ${found.startsWith('"') ? found : `"${found}"`}`;
  }
}
