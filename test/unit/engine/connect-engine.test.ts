import { Readable } from 'node:stream';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SkipLoginBanner } from '../../../src/engine/connect-engine.js';

test('SkipLoginBanner drops everything before the first response, in chunks of any size', async () => {
  const answer = 'HTTP/1.1 200 OK\r\n\r\nHTTP/1.1';
  await fc.assert(
    fc.asyncProperty(
      fc.string().filter((text) => !text.includes('HTTP/1.')),
      fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 20 }),
      async (greeting, sizes) => {
        const whole = Buffer.from(`${greeting}\n${answer}`);
        const pieces: Buffer[] = [];
        let at = 0;
        for (const size of [...sizes, whole.length]) {
          if (at < whole.length) pieces.push(whole.subarray(at, at + size));
          at += size;
        }
        const out = Readable.from(pieces).pipe(new SkipLoginBanner());
        expect(Buffer.concat(await out.toArray()).toString()).toBe(answer);
      },
    ),
  );
});
