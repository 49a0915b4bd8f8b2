import { expect, test } from 'vitest';
import { hasColors } from '../../../src/state/environment.js';

test.each([
  [true, {}, true],
  [false, {}, false],
  [undefined, {}, false],
  [true, { TERM: 'dumb' }, false],
  [true, { NO_COLOR: '1' }, false],
  [true, { NO_COLOR: '' }, true],
  [true, { NO_COLOR: '1', FORCE_COLOR: '1' }, false],
  [false, { FORCE_COLOR: '1' }, true],
  [true, { FORCE_COLOR: '0' }, false],
  [true, { FORCE_COLOR: 'false' }, false],
])('a stream with isTTY %s and %o has colors: %s', (isTTY, variables, colors) => {
  expect(hasColors({ ...(isTTY !== undefined && { isTTY }) }, variables)).toBe(colors);
});
