import { Writable } from 'node:stream';

const newline = 0x0a;

/**
 * A stream that writes to another, line by line, each line begun with a prefix; several can share one destination without
 * mixing their lines. Bytes stay as they are. An empty prefix passes everything on at once.
 */
export function prefixedLines(prefix: string, destination: Writable): Writable {
  const start = Buffer.from(prefix);
  let unfinished: Buffer = Buffer.alloc(0);

  const send = (bytes: Buffer, done: () => void): void => {
    if (bytes.length === 0 || destination.write(bytes)) done();
    else destination.once('drain', done);
  };

  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      if (start.length === 0) return send(chunk, done);
      const bytes = Buffer.concat([unfinished, chunk]);
      const lines = splitLines(bytes);
      unfinished = lines.at(-1)?.at(-1) === newline ? Buffer.alloc(0) : (lines.pop() ?? Buffer.alloc(0));
      send(Buffer.concat(lines.flatMap((line) => [start, line])), done);
    },
    final(done) {
      if (unfinished.length === 0) return done();
      send(Buffer.concat([start, unfinished, Buffer.from('\n')]), done);
    },
  });
}

/** Each with its newline, but perhaps the last. */
function splitLines(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  let from = 0;
  while (from < bytes.length) {
    const end = bytes.indexOf(newline, from);
    const to = end < 0 ? bytes.length : end + 1;
    lines.push(bytes.subarray(from, to));
    from = to;
  }
  return lines;
}
