import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { interruptSignal } from '../../../src/cli/interrupt-signals.js';

const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const before = names.map((name) => process.listeners(name));

afterEach(() => {
  for (const [index, name] of names.entries())
    for (const listener of process.listeners(name))
      if (!before[index]?.includes(listener)) process.off(name, listener);
});

test('hundreds of listeners for an interruption cause no leak warning', async () => {
  const warnings: Error[] = [];
  const listener = (warning: Error) => warnings.push(warning);
  process.on('warning', listener);
  const signal = interruptSignal();
  const limited = AbortSignal.any([signal, new AbortController().signal]);
  for (let machine = 0; machine < 500; machine++)
    for (const each of [signal, limited]) each.addEventListener('abort', () => {});
  await turn();
  process.off('warning', listener);
  expect(warnings).toEqual([]);
});

test('the first Ctrl-C aborts the signal', async () => {
  const signal = interruptSignal();
  const stopped = once(signal, 'abort');
  process.emit('SIGINT');
  await stopped;
  expect(signal.reason).toMatchObject({ name: 'AbortError' });
});
