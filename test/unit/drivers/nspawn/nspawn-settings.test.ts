import { expect, test } from 'vitest';
import { driver } from '../../../../src/drivers/nspawn/index.js';
import { nspawnSettings } from '../../../../src/drivers/nspawn/nspawn-settings.js';

test('the declared defaults are the ones in use', () => {
  const declared = Object.fromEntries(driver.settings.map((setting) => [setting.key, setting.default]));
  expect(declared).toEqual({ ...nspawnSettings.read({}), network: undefined });
});

test('every setting can be set', () => {
  const values = {
    data: '/srv/belt',
    bridge: 'br7',
    network: '172.30.0.0/24',
    image: 'debian-12',
    mirror: 'file:///mirror',
  };
  expect(nspawnSettings.read(values)).toEqual({ ...values, network: { base: 0xac1e0000, prefix: 24 } });
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
])('the setting %o is refused', (values, message) => {
  expect(() => nspawnSettings.read(values)).toThrow(message);
});
