import { Writable } from 'node:stream';

/** Splits a byte stream into lines without breaking multibyte characters. */
export class LineSplitter extends Writable {
  private readonly decoder = new TextDecoder();
  private rest = '';

  constructor(private readonly onLine: (line: string) => void) {
    super();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    const lines = (this.rest + this.decoder.decode(chunk, { stream: true })).split('\n');
    this.rest = lines.pop() ?? '';
    for (const line of lines) this.onLine(line);
    done();
  }

  /** Emits a last line that has no line end. */
  flush(): void {
    this.rest += this.decoder.decode();
    if (this.rest !== '') this.onLine(this.rest);
    this.rest = '';
  }
}
