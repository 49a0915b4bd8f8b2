import { Transform, type TransformCallback } from 'node:stream';

const start = Buffer.from('HTTP/1.');

/** Leaves out what a login prints before the engine's first answer. */
export class SkipGreeting extends Transform {
  private waiting: Buffer | undefined = Buffer.alloc(0);

  override _transform(chunk: Buffer, _encoding: string, done: TransformCallback): void {
    if (this.waiting === undefined) {
      done(null, chunk);
      return;
    }
    const seen = Buffer.concat([this.waiting, chunk]);
    const at = seen.indexOf(start);
    this.waiting = at === -1 ? seen.subarray(-start.length) : undefined;
    if (at === -1) done();
    else done(null, seen.subarray(at));
  }
}
