import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Broadcast } from '../../../src/base/broadcast.js';

const { signal } = new AbortController();

test('property: every reader gets all bytes in order', async () => {
  const chunks = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40_000 }), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(chunks, fc.integer({ min: 1, max: 5 }), async (parts, count) => {
      const broadcast = new Broadcast(count + 1, () => Readable.from(parts.map(Buffer.from)), signal);
      const watched = buffer(broadcast.watch());
      const copies = Array.from({ length: count }, () => buffer(broadcast.join()));
      broadcast.leave();
      const whole = Buffer.concat(parts);
      for (const copy of [watched, ...copies]) expect((await copy).equals(whole)).toBe(true);
      expect(broadcast.bytes).toBe(whole.length);
    }),
    { numRuns: 30 },
  );
});

test('a source without readers is not opened', () => {
  const open = (): Readable => {
    throw new Error('opened');
  };
  const broadcast = new Broadcast(2, open, signal);
  broadcast.leave();
  broadcast.leave();
  expect(broadcast.bytes).toBe(0);
});

test('a reader that ends early does not hold up the others', async () => {
  const big = Array.from({ length: 50 }, () => Buffer.alloc(65_536, 1));
  const broadcast = new Broadcast(2, () => Readable.from(big), signal);
  broadcast.join().destroy();
  expect((await buffer(broadcast.join())).length).toBe(50 * 65_536);
});

test('a source that breaks off is an error for every reader', async () => {
  async function* broken() {
    yield Buffer.from('start');
    throw new Error('the source broke');
  }
  const broadcast = new Broadcast(2, () => Readable.from(broken()), signal);
  const [one, two] = [buffer(broadcast.join()), buffer(broadcast.join())];
  await expect(one).rejects.toThrow('the source broke');
  await expect(two).rejects.toThrow('the source broke');
});
