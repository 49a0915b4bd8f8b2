import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CopyPath, copyCall, mountCall, unmountCall } from '../../../src/machines/copy-files.js';
import type { Machine } from '../../../src/machines/model/machine.js';
import { type OpenSshTarget, openSshArguments, openSshConfig } from '../../../src/ssh/openssh-config.js';

const target: OpenSshTarget = {
  alias: 'node1',
  name: 'node1',
  host: '10.0.0.2',
  port: 2222,
  user: 'ubuntu',
  keyPath: '/state of "mine"/100%/id_ed25519',
};
const pinned = { path: '/state of "mine"/100%/known_hosts', names: new Set(['node1', '[bastion]:22']) };

/** Checks the configuration with the system's ssh. */
describe('the configuration for OpenSSH', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'belt-openssh-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function effectiveOptions(
    targets: OpenSshTarget[],
    name: string,
    keys = pinned,
  ): Promise<Map<string, string>> {
    const path = join(folder, 'config');
    await writeFile(path, openSshConfig(targets, keys));
    return readOptions(['-F', path, name]);
  }

  function readOptions(args: string[]): Map<string, string> {
    const text = execFileSync('ssh', ['-G', ...args], { encoding: 'utf8' });
    return new Map(
      text.split('\n').map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)]),
    );
  }

  test("the configuration has the machine's address, key, and name in known_hosts", async () => {
    const options = await effectiveOptions([{ ...target, alias: 'other', name: 'other' }, target], 'node1');
    expect(
      Object.fromEntries(
        [
          'hostname',
          'hostkeyalias',
          'port',
          'user',
          'identityfile',
          'identitiesonly',
          'userknownhostsfile',
          'stricthostkeychecking',
          'passwordauthentication',
        ].map((key) => [key, options.get(key)]),
      ),
    ).toEqual({
      hostname: '10.0.0.2',
      hostkeyalias: 'node1',
      port: '2222',
      user: 'ubuntu',
      // ssh expands the tokens when it opens the file.
      identityfile: '/state of "mine"/100%%/id_ed25519',
      identitiesonly: 'yes',
      userknownhostsfile: expect.stringMatching(/^\/state of "mine"\/100%%?\/known_hosts$/),
      stricthostkeychecking: 'true',
      passwordauthentication: 'no',
    });
  });

  test('the configuration accepts the first host key of a machine without one, and no other later', async () => {
    const options = await effectiveOptions([target], 'node1', { ...pinned, names: new Set() });
    expect(options.get('stricthostkeychecking')).toBe('accept-new');
  });

  test('the configuration uses the jump host, with the same host key checks', async () => {
    const jump = { name: '[bastion]:22', host: 'bastion', port: 22, user: 'ops' };
    const options = await effectiveOptions([{ ...target, jump }], 'node1');
    expect(options.get('proxyjump')).toBe('_jump-to-node1');
    const onTheWay = await effectiveOptions([{ ...target, jump }], '_jump-to-node1');
    expect(
      ['hostname', 'user', 'hostkeyalias', 'stricthostkeychecking'].map((key) => onTheWay.get(key)),
    ).toEqual(['bastion', 'ops', '[bastion]:22', 'true']);
  });

  test('the arguments for ssh have the same effect as the configuration', async () => {
    const expected = await effectiveOptions([target], 'node1');
    const args = ['-F', '/dev/null', ...openSshArguments(target, pinned), target.host];
    const ignored = ['host', 'originalhost'];
    const shown = (options: Map<string, string>) => [...options].filter(([key]) => !ignored.includes(key));
    expect(shown(readOptions(args))).toEqual(shown(expected));
  });

  test('the arguments for ssh lead through jump hosts, whose options survive the percent expansion', () => {
    const far = { name: '[far]:22', host: 'far', port: 22, user: 'root' };
    const jump = { name: '[bastion]:22', host: 'bastion', port: 22, user: 'ops', jump: far };
    const command = readOptions([
      '-F',
      '/dev/null',
      ...openSshArguments({ ...target, jump }, pinned),
      target.host,
    ]).get('proxycommand');
    const shellWords = (text: string) =>
      execFileSync('sh', ['-c', `for word in ${text}; do printf '%s\\n' "$word"; done`], { encoding: 'utf8' })
        .trimEnd()
        .split('\n');
    const words = shellWords((command ?? '').replaceAll('%%', '%'));
    expect(words.slice(-3)).toEqual(['bastion', '-W', '[%h]:%p']);
    const options = readOptions(words.slice(1, -2));
    expect([options.get('user'), options.get('userknownhostsfile')]).toEqual([
      'ops',
      expect.stringMatching(/^\/state of "mine"\/100%%?\/known_hosts$/),
    ]);
    expect(shellWords((options.get('proxycommand') ?? '').replaceAll('%%', '%')).slice(-3)).toEqual([
      'far',
      '-W',
      '[%h]:%p',
    ]);
  });
});

describe('scp', () => {
  const machine = (name: string): Machine => ({
    name,
    driver: 'generic',
    phase: 'ready',
    addresses: { public: '10.0.0.2' },
    ssh: { user: 'root', port: 22 },
    driverData: {},
    createdAt: '2026-01-02T03:04:05.000Z',
  });
  const at = (name: string, path: string, user?: string): CopyPath => ({
    machine: machine(name),
    path,
    ...(user && { user }),
  });
  const plain = { recursive: false, delta: false, quiet: false };

  test.each([
    ['to a machine', [{ path: 'f' }, at('a', '/x')], plain, 'scp -F cfg -- f a:/x'],
    ['from a machine, as somebody', [at('a', '/x', 'ada'), { path: '.' }], plain, 'scp -F cfg -- ada@a:/x .'],
    [
      'between machines',
      [at('a', '/x'), at('b', '/y')],
      { ...plain, recursive: true },
      'scp -F cfg -3 -r -- a:/x b:/y',
    ],
    ['within one', [at('a', '/x'), at('a', '/y')], { ...plain, quiet: true }, 'scp -F cfg -q -- a:/x a:/y'],
    ['several', [{ path: 'f' }, { path: 'g' }, at('a', '')], plain, 'scp -F cfg -- f g a:'],
    [
      'odd local names',
      [{ path: 'a:b' }, { path: '-f' }, at('a', '/')],
      plain,
      'scp -F cfg -- ./a:b ./-f a:/',
    ],
    [
      'what differs',
      [{ path: 'f' }, at('a', '/x')],
      { ...plain, delta: true },
      "rsync --progress -e ssh -F 'cfg' -- f a:/x",
    ],
  ])('scp: %s', (_, places, options, expected) => {
    const { program, args } = copyCall(places, options, 'cfg');
    expect([program, ...args].join(' ')).toBe(expected);
  });

  test('scp with one path is refused', () => {
    expect(copyCall([{ path: 'f' }, at('a', '/x')], { ...plain, oldProtocol: true }, 'cfg').args).toEqual([
      '-F',
      'cfg',
      '-O',
      '--',
      'f',
      'a:/x',
    ]);
    expect(() => copyCall([{ path: 'f' }], plain, 'cfg')).toThrow('missing argument: TARGET');
  });

  test('rsync does not copy between machines', () => {
    expect(() => copyCall([at('a', '/x'), at('b', '/y')], { ...plain, delta: true }, 'cfg')).toThrow(
      'rsync copies between this computer and one machine, not between a and b',
    );
  });

  test('mount calls sshfs, and unmount calls fusermount', () => {
    expect(mountCall(at('a', '/srv', 'ada'), '/mnt', 'cfg')).toEqual({
      program: 'sshfs',
      args: ['-F', 'cfg', 'ada@a:/srv', '/mnt'],
      unreachableCodes: [1],
    });
    expect(mountCall(at('a', '/srv'), '-mnt', 'cfg').args).toEqual(['-F', 'cfg', 'a:/srv', './-mnt']);
    expect(unmountCall('-mnt', 'fusermount3')).toEqual({ program: 'fusermount3', args: ['-u', './-mnt'] });
  });
});
