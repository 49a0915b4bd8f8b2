import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { MachineEvent } from '../../../../src/drivers/driver.js';
import { runBatch } from '../../../../src/drivers/kit/event-stream.js';

const items = ['a', 'b', 'c', 'd'].map((name) => ({ name }));

test('each item ends once, failures are independent, and the limit holds', async () => {
  let now = 0;
  let most = 0;
  const events = await collect(
    runBatch(items, 2, new AbortController().signal, async ({ name }, emit) => {
      most = Math.max(most, ++now);
      emit({ type: 'progress', name, text: 'working' });
      await delay(1);
      now--;
      if (name === 'b') throw new Error('broken');
    }),
  );
  expect(most).toBe(2);
  for (const { name } of items) {
    const end = name === 'b' ? { type: 'failed', name, error: new Error('broken') } : { type: 'done', name };
    expect(events.filter((event) => event.name === name)).toEqual([
      { type: 'progress', name, text: 'working' },
      end,
    ]);
  }
});

test('after an abort no other item is started', async () => {
  const abort = new AbortController();
  const begun: string[] = [];
  const events = await collect(
    runBatch(items, 1, abort.signal, async ({ name }) => {
      begun.push(name);
      abort.abort();
    }),
  );
  expect(begun).toEqual(['a']);
  expect(events.map(({ name, type }) => `${name} ${type}`)).toEqual([
    'a done',
    'b failed',
    'c failed',
    'd failed',
  ]);
});

test('no items yield no events', async () => {
  expect(await collect(runBatch([], 5, new AbortController().signal, async () => {}))).toEqual([]);
});

async function collect(events: AsyncIterable<MachineEvent>): Promise<MachineEvent[]> {
  const all: MachineEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}
