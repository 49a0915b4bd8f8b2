import { execFileSync } from 'node:child_process';
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readlinkSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterAll, describe, expect, test } from 'vitest';
import { ExternalError } from '../../../src/base/errors.js';
import { LineSplitter } from '../../../src/base/line-splitter.js';
import { limitStream, mebibyte, readBounded, readBoundedFile } from '../../../src/base/size-limit.js';
import { recordFault } from '../../lab/record-fault.js';

/** Never ends. */
function endless(onChunk = (): void => {}): Readable {
  const chunk = Buffer.alloc(256 * 1024, 'x');
  return new Readable({
    read() {
      onChunk();
      this.push(chunk);
    },
  });
}

/** How often this process has the file open. */
function descriptorsOf(path: string): number {
  const links = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return '';
    }
  });
  return links.filter((link) => link === path).length;
}

describe('readBounded', () => {
  test('an endless stream is destroyed at the limit, with an error that names it', async () => {
    let chunks = 0;
    const stream = endless(() => chunks++);
    await expect(readBounded(stream, 2 * mebibyte, 'the response to GET /info')).rejects.toEqual(
      new ExternalError('the response to GET /info is larger than 2 MiB'),
    );
    expect(stream.destroyed).toBe(true);
    expect(chunks).toBeLessThan(20);
    recordFault({ kind: 'Untrusted input', fault: 'a stream does not end' });
  });

  test('a stream up to the limit is read in full', async () => {
    const bytes = Buffer.alloc(mebibyte, 'y');
    expect(
      await readBounded(Readable.from([bytes.subarray(1), bytes.subarray(0, 1)]), mebibyte, 'x'),
    ).toEqual(bytes);
  });
});

describe('readBoundedFile', () => {
  const folder = mkdtempSync(join(tmpdir(), 'belt-size-'));
  const path = join(folder, 'inventory');
  afterAll(() => rmSync(folder, { recursive: true }));

  test('a large file and an endless device are refused by name', async () => {
    writeFileSync(path, '');
    truncateSync(path, 16 * mebibyte + 1);
    await expect(readBoundedFile(path)).rejects.toThrow(`${path} is larger than 16 MiB`);
    await expect(readBoundedFile('/dev/zero')).rejects.toThrow('/dev/zero is larger than 16 MiB');
    recordFault({ kind: 'Untrusted input', fault: 'a file is too large, or an endless device', tried: 2 });
  });

  test('a pipe is read to its end, and without a writer it is an error', async () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    await expect(readBoundedFile(pipe)).rejects.toThrow(`${pipe} is a pipe that nothing is written to`);
    const writer = openSync(pipe, 'r+');
    writeSync(writer, 'one');
    const text = readBoundedFile(pipe);
    await expect.poll(() => descriptorsOf(pipe)).toBe(2);
    closeSync(writer);
    expect(await text).toBe('one');
  });
});

test('a stream that grows beyond its limit breaks its pipeline', async () => {
  const work = pipeline(endless(), limitStream(mebibyte, 'the backup'), async (source) => {
    for await (const _ of source);
  });
  await expect(work).rejects.toThrow('the backup is larger than 1 MiB');
});

describe('LineSplitter', () => {
  test('a line without an end breaks the stream', async () => {
    const lines: string[] = [];
    const splitter = new LineSplitter((line) => lines.push(line));
    splitter.write('short\n');
    await expect(pipeline(endless(), splitter)).rejects.toEqual(
      new ExternalError('a line of the output is longer than 8 MiB'),
    );
    splitter.flush();
    expect(lines).toEqual(['short']);
    recordFault({ kind: 'Untrusted input', fault: 'a line of output does not end' });
  });

  test('many lines of more than the limit together pass', async () => {
    let count = 0;
    const chunk = Buffer.from(`${'x'.repeat(1023)}\n`.repeat(1024));
    await pipeline(Readable.from(Array(20).fill(chunk)), new LineSplitter(() => count++));
    expect(count).toBe(20 * 1024);
  });
});
