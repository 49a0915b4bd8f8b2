import { expect, test } from 'vitest';
import {
  AbortError,
  ExternalError,
  explainSystemError,
  UsageError,
  UserError,
} from '../../../src/base/errors.js';
import { exitCodeFor, exitCodes } from '../../../src/cli/exit-codes.js';
import { describeError } from '../../../src/cli/print-error.js';
import { EngineError } from '../../../src/engine/api.js';
import { ConnectError } from '../../../src/ssh/index.js';

const target = { name: 'node1', host: '10.0.0.1', port: 22, user: 'root' };

test('the exit codes are stable', () => {
  expect(exitCodes).toEqual({
    ok: 0,
    failed: 1,
    usage: 2,
    different: 2,
    bug: 70,
    interrupted: 130,
    closedPipe: 141,
  });
});

test.each([
  [new UsageError('x'), 2],
  [new UserError('x'), 1],
  [new ExternalError('x'), 1],
  [new EngineError(503, 'x'), 1],
  [new ConnectError(target, 'refused', 'x'), 1],
  [new AbortError(), 130],
  [AbortSignal.abort().reason, 130],
  [new Error('x'), 70],
  [new TypeError('x'), 70],
  ['x', 70],
  [undefined, 70],
])('%o exits with %d', (error, code) => {
  expect(exitCodeFor(error)).toBe(code);
});

test.each([
  [new UserError('no such size'), { code: 'user', message: 'no such size' }],
  [
    new UserError('no such size', { hint: 'belt sizes' }),
    { code: 'user', message: 'no such size', hint: 'belt sizes' },
  ],
  [new UserError('x', { errorCode: 'quorum' }), { code: 'quorum', message: 'x' }],
  [new UsageError('x'), { code: 'usage', message: 'x' }],
  [
    new ExternalError('it is down', { cause: new Error('secret') }),
    { code: 'external', message: 'it is down' },
  ],
  [new AbortError(), { code: 'aborted', message: 'interrupted' }],
  [new TypeError('x'), { code: 'bug', message: 'x' }],
])('the document of %o has a stable code', (thrown, error) => {
  expect(describeError(thrown)).toEqual({ error });
});

test.each(['EMFILE', 'ENFILE', 'ENOMEM', 'ENOSPC', 'ENOTDIR', 'EACCES', 'EROFS', 'EIO'])(
  '%s is not a bug in belt',
  async (code) => {
    const error = Object.assign(new Error(`${code}: out of it, open '/tmp/x'`), { code });
    const explained = explainSystemError(error);
    expect(exitCodeFor(error)).toBe(1);
    expect(explained).toMatchObject({ message: "out of it, open '/tmp/x'", errorCode: 'external' });
    expect(describeError(explained).error.hint).toMatch(/ulimit|sysctl|free|permissions/);
  },
);
