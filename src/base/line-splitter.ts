import { Writable } from 'node:stream';

/** Cuts a byte stream into lines, whole characters only. */
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

  /** Hands out what came after the last line end. */
  flush(): void {
    this.rest += this.decoder.decode();
    if (this.rest !== '') this.onLine(this.rest);
    this.rest = '';
  }
}
