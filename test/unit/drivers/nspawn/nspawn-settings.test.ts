import { expect, test } from 'vitest';
import { driver } from '../../../../src/drivers/nspawn/index.js';
import { readSettings } from '../../../../src/drivers/nspawn/nspawn-settings.js';

test('the defaults that are told are those that are used', () => {
  const told = Object.fromEntries(driver.settings.map((setting) => [setting.key, setting.default]));
  expect(told).toEqual({ ...readSettings({}), network: undefined });
});

test('values are taken over', () => {
  const values = {
    data: '/srv/belt',
    bridge: 'br7',
    network: '172.30.0.0/24',
    image: 'debian-12',
    mirror: 'file:///mirror',
  };
  expect(readSettings(values)).toEqual({ ...values, network: { base: 0xac1e0000, prefix: 24 } });
});

test.each([
  [{ data: 'relative' }, 'not "relative"'],
  [{ data: '/a,b' }, 'not "/a,b"'],
  [{ data: '/a:b' }, 'not "/a:b"'],
  [{ data: '/a/../b' }, 'not "/a/../b"'],
  [{ bridge: 'a-name-of-16-chr' }, 'not "a-name-of-16-chr"'],
  [{ bridge: '-x' }, 'not "-x"'],
  [{ mirror: 'deb.debian.org' }, 'not "deb.debian.org"'],
  [{ bridge: 3 }, 'the setting bridge must be text, not 3'],
])('%o is refused', (values, message) => {
  expect(() => readSettings(values)).toThrow(message);
});
