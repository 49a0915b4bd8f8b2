interface JsonProblem {
  /** From 1. */
  line: number;
  column: number;
  problem: string;
}

/** Where text is not JSON (RFC 8259), as `JSON.parse` does not always say; undefined if it is. */
export function findJsonProblem(text: string): JsonProblem | undefined {
  const scanner = new Scanner(text);
  const problem = scanner.value() ?? scanner.end();
  if (problem === undefined) return undefined;
  const before = text.slice(0, scanner.at).split('\n');
  return { line: before.length, column: (before.at(-1) ?? '').length + 1, problem };
}

const token =
  /[{}[\],:]|"(?:[^"\\\p{Cc}]|[\u007f-\u009f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.])/uy;

/** Methods return what is wrong at `at`. */
class Scanner {
  at = 0;
  private next = '';

  constructor(private readonly text: string) {
    this.move('');
  }

  value(): string | undefined {
    if (this.next === '{') return this.items('}', () => this.member());
    if (this.next === '[') return this.items(']', () => this.value());
    if (this.next === '' || /^[}\],:]/.test(this.next)) return this.unexpected('a value');
    this.move(this.next);
    return undefined;
  }

  end(): string | undefined {
    return this.at === this.text.length ? undefined : this.unexpected('the end of the file');
  }

  private items(close: string, item: () => string | undefined): string | undefined {
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

  private member(): string | undefined {
    if (!this.next.startsWith('"')) return this.unexpected('a key in double quotes');
    this.move(this.next);
    return this.take(':') ? this.value() : this.unexpected('":"');
  }

  private take(word: string): boolean {
    if (this.next !== word) return false;
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
    return `expected ${wanted}, but there is "${this.next || /^\S[\w.-]*/.exec(rest)?.[0]}"`;
  }
}
