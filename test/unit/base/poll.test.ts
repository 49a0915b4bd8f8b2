import { describe, expect, test } from 'vitest';
import { Pending, poll, retry, waitUntilClear } from '../../../src/base/poll.js';

const quick = { timeoutMs: 20, intervalMs: 1 };
const isBusy = (error: unknown): boolean => (error as Error).message.startsWith('busy');

describe('poll', () => {
  test('poll returns the first value that the check finds', async () => {
    let checks = 0;
    const check = async () => (++checks < 3 ? new Pending('starting') : 'ready');
    expect(await poll(check, { ...quick, timeoutMs: 60_000, onTimeout: () => 'late' })).toBe('ready');
    expect(checks).toBe(3);
  });

  test('poll returns the value of onTimeout or throws its error, with the last reason', async () => {
    let checks = 0;
    const check = async () => new Pending(`attempt ${++checks}`);
    expect(await poll<string>(check, { ...quick, onTimeout: (reason) => reason })).toBe(`attempt ${checks}`);
    const failing = poll<string>(check, {
      ...quick,
      onTimeout: (reason) => {
        throw new Error(`gave up: ${reason}`);
      },
    });
    await expect(failing).rejects.toThrow(`gave up: attempt`);
  });

  test('poll throws the last reason on a timeout without onTimeout', async () => {
    const error = new Error('down');
    await expect(poll(async () => new Pending(error), quick)).rejects.toBe(error);
    const waiting = poll(async () => new Pending('not listed'), quick);
    await expect(waiting).rejects.toMatchObject({ name: 'ExternalError', message: 'not listed' });
  });

  test('poll checks once even without time', async () => {
    expect(await poll(async () => 'ready', { timeoutMs: 0, onTimeout: () => 'late' })).toBe('ready');
  });

  test('poll stops at once when its signal aborts', async () => {
    const controller = new AbortController();
    const check = async () => {
      controller.abort();
      return new Pending('starting');
    };
    const waiting = poll(check, { timeoutMs: 60_000, signal: controller.signal, onTimeout: () => 'late' });
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('retry', () => {
  test('retry repeats work that fails for a temporary reason', async () => {
    let attempts = 0;
    const work = async () => {
      if (++attempts < 3) throw new Error('busy');
      return attempts;
    };
    expect(await retry(work, { ...quick, timeoutMs: 60_000, isRetryable: isBusy })).toBe(3);
  });

  test('retry throws other errors at once, and the last error on a timeout', async () => {
    let attempts = 0;
    const broken = async () => {
      attempts++;
      throw new Error('broken');
    };
    await expect(retry(broken, { ...quick, isRetryable: isBusy })).rejects.toThrow('broken');
    expect(attempts).toBe(1);
    const busy = async () => {
      throw new Error(`busy ${++attempts}`);
    };
    const error = await retry(busy, { ...quick, isRetryable: isBusy }).catch((reason: Error) => reason);
    expect((error as Error).message).toBe(`busy ${attempts}`);
  });
});

test('waitUntilClear fails with the last obstacle', async () => {
  const obstacles = ['down', undefined];
  await waitUntilClear(
    async () => obstacles.shift(),
    { ...quick, timeoutMs: 60_000 },
    (last) => new Error(last),
  );
  const waiting = waitUntilClear(
    async () => 'down',
    quick,
    (last) => new Error(`still ${last}`),
  );
  await expect(waiting).rejects.toThrow('still down');
});
