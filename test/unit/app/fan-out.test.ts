import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type FanOutOptions, fanOut, type Outcome } from '../../../src/app/fan-out.js';
import { AbortError, ExternalError } from '../../../src/base/errors.js';

function fanOutNames<T>(
  names: readonly string[],
  work: (name: string) => Promise<T>,
  options: FanOutOptions,
): Promise<Outcome<T>[]> {
  return fanOut(
    names.map((name) => ({ name })),
    ({ name }) => work(name),
    options,
  );
}

const never = new AbortController().signal;

function namesUpTo(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `node${index + 1}`);
}

/** Lets tests finish pieces of work in any order. */
function gates(): { pass: (name: string) => Promise<void>; open: (name: string) => void; waiting: string[] } {
  const opened = new Map<string, () => void>();
  const waiting: string[] = [];
  return {
    waiting,
    pass: (name) =>
      new Promise((resolve) => {
        waiting.push(name);
        opened.set(name, resolve);
      }),
    open(name) {
      waiting.splice(waiting.indexOf(name), 1);
      opened.get(name)?.();
    },
  };
}

async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe('fanOut', () => {
  test('fanOut returns outcomes in the order of the names, not of completion', async () => {
    const { pass, open } = gates();
    const ends: string[] = [];
    const all = fanOutNames(
      ['a', 'b', 'c'],
      async (name) => {
        await pass(name);
        if (name === 'b') throw new ExternalError('b is down');
        return name.toUpperCase();
      },
      { signal: never, onEnd: (name, { status }) => ends.push(`${name} ${status}`) },
    );
    await settle();
    for (const name of ['c', 'b', 'a']) {
      open(name);
      await settle();
    }
    expect(await all).toEqual([
      { name: 'a', status: 'ok', value: 'A' },
      { name: 'b', status: 'failed', error: new ExternalError('b is down') },
      { name: 'c', status: 'ok', value: 'C' },
    ]);
    expect(ends).toEqual(['c ok', 'b failed', 'a ok']);
  });

  test('fanOut wraps a thrown value in an Error', async () => {
    const outcomes = await fanOutNames(['a'], () => Promise.reject('plain text'), { signal: never });
    expect(outcomes).toEqual([{ name: 'a', status: 'failed', error: new Error('plain text') }]);
  });

  test('fanOut runs 64 at a time by default', async () => {
    const { pass, open, waiting } = gates();
    const all = fanOutNames(namesUpTo(65), pass, { signal: never });
    await settle();
    expect(waiting).toEqual(namesUpTo(64));
    open('node7');
    await settle();
    expect(waiting.at(-1)).toBe('node65');
    for (const name of [...waiting]) open(name);
    expect((await all).every(({ status }) => status === 'ok')).toBe(true);
  });

  test('fanOut without subjects returns no outcomes', async () => {
    expect(await fanOutNames([], async () => 1, { signal: never })).toEqual([]);
  });

  test('fanOut starts nothing after an interruption, and waits for running work', async () => {
    const abort = new AbortController();
    const { pass, open } = gates();
    const all = fanOutNames(['a', 'b', 'c', 'd'], pass, { limit: 2, signal: abort.signal });
    await settle();
    abort.abort(new AbortError());
    open('a');
    open('b');
    expect(await all).toEqual([
      { name: 'a', status: 'ok', value: undefined },
      { name: 'b', status: 'ok', value: undefined },
      { name: 'c', status: 'skipped' },
      { name: 'd', status: 'skipped' },
    ]);
  });

  test('fanOut distinguishes interrupted work from work that never began', async () => {
    const abort = new AbortController();
    const work = (name: string): Promise<void> => {
      if (name === 'b') abort.abort(new AbortError());
      abort.signal.throwIfAborted();
      return Promise.resolve();
    };
    const outcomes = await fanOutNames(['a', 'b', 'c'], async (name) => work(name), {
      limit: 1,
      signal: abort.signal,
    });
    expect(outcomes.map(({ status }) => status)).toEqual(['ok', 'interrupted', 'skipped']);
  });

  test('property: fanOut keeps the limit, runs nothing twice, and returns the outcome of each', async () => {
    const plan = fc.record({
      works: fc.array(fc.record({ turns: fc.nat(4), fails: fc.boolean() }), { maxLength: 40 }),
      limit: fc.integer({ min: 1, max: 12 }),
      /** The interruption comes after this many have started. */
      interruptAt: fc.option(fc.integer({ min: 1, max: 40 })),
    });
    await fc.assert(
      fc.asyncProperty(plan, async ({ works, limit, interruptAt }) => {
        const abort = new AbortController();
        const names = namesUpTo(works.length);
        const begun: string[] = [];
        const ended: string[] = [];
        let most = 0;
        const work = async (name: string): Promise<string> => {
          begun.push(name);
          most = Math.max(most, begun.length - ended.length);
          if (begun.length === interruptAt) abort.abort(new AbortError());
          const { turns, fails } = works[names.indexOf(name)] as { turns: number; fails: boolean };
          for (let turn = 0; turn < turns; turn++) await settle();
          ended.push(name);
          if (fails) throw new ExternalError(`${name} failed`);
          return `${name} done`;
        };
        const reported: Outcome<unknown>[] = [];
        const outcomes = await fanOutNames(names, work, {
          limit,
          signal: abort.signal,
          onEnd: (_, outcome) => reported.push(outcome),
        });

        expect(outcomes).toEqual(
          names.map((name, index) => {
            if (!begun.includes(name)) return { name, status: 'skipped' };
            if (works[index]?.fails)
              return { name, status: 'failed', error: new ExternalError(`${name} failed`) };
            return { name, status: 'ok', value: `${name} done` };
          }),
        );
        expect(begun).toEqual(names.slice(0, begun.length));
        expect(most).toBeLessThanOrEqual(limit);
        expect(reported.map(({ name }) => name)).toEqual(ended);
        if (interruptAt === null || interruptAt > works.length) expect(begun).toEqual(names);
        else expect(begun.length).toBe(interruptAt);
      }),
      { numRuns: 60 },
    );
  });
});
