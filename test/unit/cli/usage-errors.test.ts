import { Flags, Parser } from '@oclif/core';
import { describe, expect, test } from 'vitest';
import { UsageError } from '../../../src/base/errors.js';
import { asUsageError } from '../../../src/cli/usage-errors.js';

const flags = {
  timeout: Flags.integer({ min: 1 }),
  availability: Flags.string({ options: ['active', 'drain'] }),
};

async function refusalOf(...argv: string[]): Promise<Error & { hint?: string | undefined }> {
  const error = await Parser.parse(argv, { flags }).catch((thrown: Error) => thrown);
  return asUsageError(error as Error, 'belt sample', Object.keys(flags));
}

describe('asUsageError', () => {
  test.each([
    [['--timeout', '0'], '--timeout must be an integer greater than or equal to 1, not "0"'],
    [['--timeout=-1'], '--timeout must be an integer greater than or equal to 1, not "-1"'],
    [['--timeout', 'soon'], '--timeout must be an integer, not "soon"'],
    [['--timeout'], 'flag needs an argument: --timeout'],
    [['--availability', 'gone'], '--availability: "gone" is not one of active, drain'],
  ])('%j is one line with the value', async (argv, message) => {
    const error = await refusalOf(...argv);
    expect(error).toBeInstanceOf(UsageError);
    expect([error.message, error.hint]).toEqual([message, 'belt sample --help']);
  });

  test('an unknown flag suggests the nearest one of the command', async () => {
    expect(await refusalOf('--timout', '3')).toMatchObject({
      message: 'unknown flag: --timout',
      hint: 'did you mean "--timeout"?',
    });
  });
});
