import { Writable } from 'node:stream';
import { ExternalError } from './errors.js';
import { mebibyte } from './size-limit.js';

const maxLineBytes = 8 * mebibyte;

/** Splits a byte stream into lines without breaking multibyte characters. Fails at endless lines. */
export class LineSplitter extends Writable {
  private readonly decoder = new TextDecoder();
  private rest = '';

  constructor(private readonly onLine: (line: string) => void) {
    super();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    const lines = (this.rest + this.decoder.decode(chunk, { stream: true })).split('\n');
    this.rest = lines.pop() ?? '';
    for (const line of lines) this.onLine(line);
    done(this.rest.length > maxLineBytes ? this.tooLong() : undefined);
  }

  private tooLong(): ExternalError {
    this.rest = '';
    return new ExternalError(`a line of the output is longer than ${maxLineBytes / mebibyte} MiB`);
  }

  /** Emits a last line that has no line end. */
  flush(): void {
    this.rest += this.decoder.decode();
    if (this.rest !== '') this.onLine(this.rest);
    this.rest = '';
  }
}
