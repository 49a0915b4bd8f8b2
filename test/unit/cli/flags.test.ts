import { Parser } from '@oclif/core';
import { describe, expect, test } from 'vitest';
import { givenDriverSettings } from '../../../src/cli/driver-flag-values.js';
import { builtInDriverFlags, secretFlagsOf } from '../../../src/cli/driver-flags.js';
import { driverIn } from '../../../src/cli/driver-help.js';
import {
  allFlag,
  argument,
  globalFlags,
  hostFlag,
  requiredArgument,
  yesFlag,
} from '../../../src/cli/flags.js';
import { refuseOldSwarm } from '../../../src/cli/old-swarm-flags.js';
import type { Setting } from '../../../src/drivers/driver.js';
import { builtInDrivers } from '../../../src/drivers/registry.js';

describe('driver flags', () => {
  test('each driver setting with a flag has exactly one', async () => {
    const drivers = await Promise.all(builtInDrivers.names.map(builtInDrivers.load));
    const expected = drivers.flatMap(({ name, settings }) =>
      settings
        .filter(({ flag }) => flag !== false)
        .map(({ key, flag }) => flag || `${name}-${key.replaceAll('_', '-')}`),
    );
    expect(Object.keys(await builtInDriverFlags()).sort()).toEqual(expected.sort());
  });

  test('driver flags have no default and read no environment', async () => {
    for (const flag of Object.values(await builtInDriverFlags())) {
      expect({ default: flag.default, env: flag.env }).toEqual({ default: undefined, env: undefined });
    }
  });

  test('the summary of a driver flag names its environment variable', async () => {
    const flags = await builtInDriverFlags();
    const drivers = await Promise.all(builtInDrivers.names.map(builtInDrivers.load));
    const settings = drivers.flatMap(({ name, settings: own }) =>
      own.filter(({ flag }) => flag !== false).map((setting) => [name, setting] as [string, Setting]),
    );
    for (const [name, { key, flag, summary, env: [variable] = [] }] of settings) {
      const shown = flags[flag || `${name}-${key.replaceAll('_', '-')}`]?.summary;
      expect(shown?.startsWith(summary)).toBe(true);
      if (variable !== undefined) expect(shown?.endsWith(` [$${variable}]`)).toBe(true);
    }
  });

  test('the summary of a driver flag ends with its default and its variable', async () => {
    const flags = await builtInDriverFlags();
    expect(flags['digitalocean-ssh-port']?.summary).toMatch(/ \(default: 22\) \[\$DIGITALOCEAN_SSH_PORT\]$/);
    expect(flags['amazonec2-retries']?.summary).toMatch(/ \(default: 5\)$/);
    expect(flags['digitalocean-ipv6']?.summary).not.toContain('default');
  });

  test('secret flags are known for every driver', () => {
    const setting = { summary: '', type: 'string' as const };
    const settings = [
      { ...setting, key: 'api_key', secret: true },
      { ...setting, key: 'zone' },
      { ...setting, key: 'pass', secret: true, flag: 'acme-password' },
    ];
    expect(secretFlagsOf({ name: 'acme', settings })).toEqual(['acme-api-key', 'acme-password']);
  });

  test('values of driver flags are returned by setting key', () => {
    const flags = {
      'nspawn-image': 'debian-12',
      'digitalocean-private-networking': true,
      'digitalocean-size': undefined,
      timeout: 300,
      driver: 'digitalocean',
    };
    const settings = ['image', 'private_networking', 'size'].map((key) => ({
      key,
      summary: '',
      type: 'string' as const,
    }));
    const inherited = { key: 'data', summary: '', type: 'string' as const, flag: false as const };
    const ofOwnName = { key: 'address', summary: '', type: 'string' as const, flag: 'timeout' };
    const all = [...settings, inherited, ofOwnName];
    expect(givenDriverSettings('digitalocean', all, flags)).toEqual({
      private_networking: true,
      address: 300,
    });
    expect(givenDriverSettings('nspawn', all, flags)).toEqual({ image: 'debian-12', address: 300 });
  });
});

describe('shared flags', () => {
  const parse = (argv: string[]) =>
    Parser.parse(argv, {
      flags: { ...globalFlags, ...hostFlag, ...allFlag, ...yesFlag },
      args: { node: argument('one') },
      strict: false,
    });

  test('shared flags have a short and a long form', async () => {
    const { flags, argv } = await parse(['-s', '/srv/c', '--cluster', 'x', '-D', '--all', '-y', 'node1']);
    expect({ flags, argv }).toMatchObject({
      flags: { 'storage-path': '/srv/c', cluster: 'x', debug: true, all: true, yes: true },
      argv: ['node1'],
    });
  });

  test('--host accepts one value, so that a command may follow', async () => {
    const { flags, argv } = await parse(['--host', 'node1', '--host', 'node2', 'node3']);
    expect([flags.host, argv]).toEqual([['node1', 'node2'], ['node3']]);
  });

  test('arguments are never read from standard input', () => {
    expect([argument('x').ignoreStdin, requiredArgument('x').ignoreStdin]).toEqual([true, true]);
    expect([argument('x').required ?? false, requiredArgument('x').required]).toEqual([false, true]);
  });
});

test.each(['-d none', '-dnone', '-d=none', '--driver none', '--driver=none', '-driver none', '-driver=none'])(
  'create --help shows the driver that %s names',
  (line) => {
    expect(driverIn(['x', ...line.split(' '), '--help'])).toBe('none');
  },
);

test('flags of the standalone Swarm are rejected unless they are off', () => {
  expect(() => refuseOldSwarm({ swarm: true })).toThrow('--swarm is not supported');
  refuseOldSwarm({ swarm: false, 'swarm-image': undefined });
});
