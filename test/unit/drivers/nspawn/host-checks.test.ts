import { describe, expect, test } from 'vitest';
import { setTypedCommand, withSudo } from '../../../../src/base/typed-command.js';
import { checkHost, requireCapableHost } from '../../../../src/drivers/nspawn/host-checks.js';
import type { NspawnLayout } from '../../../../src/drivers/nspawn/layout.js';

describe.each(['darwin', 'win32'] as const)('on %s', (platform) => {
  const drivers = 'digitalocean, amazonec2, virtualbox or generic';

  test('doctor names the drivers that can be used', async () => {
    expect(await checkHost({} as NspawnLayout, new AbortController().signal, platform)).toEqual([
      {
        name: 'linux',
        ok: false,
        detail: `the nspawn driver needs Linux, this is ${platform}; use ${drivers}`,
      },
    ]);
  });

  test('creating nspawn machines is refused with the other drivers', async () => {
    await expect(requireCapableHost(platform)).rejects.toMatchObject({
      message: `the nspawn driver needs Linux, this is ${platform}`,
      hint: `belt create -d DRIVER ..., with ${drivers}`,
    });
  });
});

test('the command to run as root is the whole line that was typed', () => {
  setTypedCommand("belt create 512mb 'node[1:3]'");
  expect(withSudo()).toBe(`sudo env "PATH=$PATH" belt create 512mb 'node[1:3]'`);
});
