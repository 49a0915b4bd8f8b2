import { PassThrough, type Readable } from 'node:stream';
import { ExternalError } from './errors.js';
import { withTimeout } from './with-timeout.js';

/** A reader that takes nothing for this long loses its copy, so that others go on. */
const stallTimeoutMs = 60_000;

/**
 * Copies one source to several readers in constant memory: the slowest one sets the pace. Starts
 * once every expected reader has joined or left, and reads nothing if all left.
 */
export class Broadcast {
  private readonly readers: PassThrough[] = [];
  private readonly joined: PassThrough[] = [];
  private missing: number;
  /** Bytes read so far. */
  bytes = 0;

  constructor(
    expected: number,
    private readonly open: () => Readable,
    private readonly signal: AbortSignal,
  ) {
    this.missing = expected;
  }

  join(): Readable {
    const reader = new PassThrough();
    // The pipe to which it leads reports it.
    reader.on('error', () => {});
    this.readers.push(reader);
    this.joined.push(reader);
    this.leave();
    return reader;
  }

  /** A reader beside those that are expected. */
  watch(): Readable {
    const reader = new PassThrough();
    reader.on('error', () => {});
    this.readers.push(reader);
    return reader;
  }

  leave(): void {
    this.missing--;
    if (this.missing === 0 && this.readers.length > 0) void this.copy();
  }

  private async copy(): Promise<void> {
    try {
      for await (const chunk of this.open()) {
        if (this.joined.every(({ destroyed }) => destroyed)) throw new Error('nothing reads it any more');
        const active = this.readers.filter(({ destroyed }) => !destroyed);
        await Promise.all(active.map((reader) => this.write(reader, chunk)));
        this.bytes += (chunk as Buffer).length;
      }
      for (const reader of this.readers) reader.end();
    } catch (error) {
      for (const reader of this.readers) reader.destroy(error as Error);
    }
  }

  private async write(reader: PassThrough, chunk: Buffer): Promise<void> {
    if (reader.write(chunk)) return;
    const drained = (): Promise<void> =>
      new Promise((resolve) => {
        reader.once('drain', resolve).once('close', resolve);
      });
    const stalled = (): Error => new ExternalError(`nothing was read for ${stallTimeoutMs / 1000} s`);
    await withTimeout(stallTimeoutMs, this.signal, drained, stalled).catch((error) => reader.destroy(error));
  }
}
