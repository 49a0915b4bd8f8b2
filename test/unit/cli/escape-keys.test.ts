import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EscapeKeys } from '../../../src/cli/escape-keys.js';

function typed(chunks: readonly (string | Buffer)[], times: readonly number[] = []) {
  const events: string[] = [];
  const clock = [...times];
  const keys = new EscapeKeys({
    onDisconnect: () => events.push('disconnect'),
    onRepeatedInterrupt: () => events.push('interrupt'),
    now: () => clock.shift() ?? 0,
  });
  for (const chunk of chunks) keys.write(chunk);
  return { sent: (keys.read() as Buffer | null)?.toString('latin1') ?? '', events };
}

test.each([
  ['~.', ['~.'], '', ['disconnect']],
  ['~. after a line, in two chunks', ['ls\r~', '.'], 'ls\r', ['disconnect']],
  ['~. after Ctrl-C', ['\x03~.'], '\x03', ['disconnect']],
  ['~~ at the beginning of a line', ['~~.'], '~.', []],
  ['~. within a line', ['cd ~.'], 'cd ~.', []],
  ['~/', ['~/bin\r'], '~/bin\r', []],
])('keys: %s', (_title, chunks, sent, events) => {
  expect(typed(chunks)).toEqual({ sent, events });
});

test('only a second Ctrl-C soon after the first counts as repeated, and both are sent', () => {
  expect(typed(['\x03', '\x03'], [0, 5000])).toEqual({ sent: '\x03\x03', events: [] });
  expect(typed(['\x03', '\x03'], [0, 500])).toEqual({ sent: '\x03\x03', events: ['interrupt'] });
});

test('property: without a tilde every byte passes, however it is cut', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 20 })), (arrays) => {
      const chunks = arrays.map((array) => Buffer.from(array.map((byte) => (byte === 0x7e ? 0x20 : byte))));
      expect(typed(chunks).sent).toBe(Buffer.concat(chunks).toString('latin1'));
    }),
  );
});
