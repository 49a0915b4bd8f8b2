import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseWrittenHost } from '../../../src/machines/model/ssh-host.js';
import { resolveSshHost } from '../../../src/ssh/user-config.js';

/** Resolved by the system's ssh. */
let home = '';
const reported: string[] = [];

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'belt-home-'));
  await mkdir(join(home, '.ssh'));
  for (const file of ['id_web1-ubuntu', 'id_gate', 'cert.pub']) await writeFile(join(home, '.ssh', file), '');
  await writeFile(
    join(home, '.ssh', 'config'),
    `Include ${join(home, '.ssh', 'more')}
Host web1
  HostName 10.9.9.1
  User ubuntu
  Port 2222
  IdentityFile ~/.ssh/none
  IdentityFile ~/.ssh/id_%n-%r
  CertificateFile ~/.ssh/cert.pub
  ProxyJump alice@gate:2200,inner
Host gate
  HostName gate.example.org
  IdentityFile ~/.ssh/id_gate
Host aliased
  HostKeyAlias shared
  UserKnownHostsFile /keys/a /keys/b
  GlobalKnownHostsFile /keys/all
Host old
  ProxyCommand ssh -q -W %h:%p gate
Host command
  HostName 10.9.9.3
  ProxyCommand nc -x %n-proxy %h %p
  IdentityAgent ~/agent
Host no-agent
  IdentityAgent none
Host ring1
  ProxyJump ring2
Host ring2
  ProxyJump ring1
Host 10.0.0.*
  User admin
`,
  );
  await writeFile(join(home, '.ssh', 'more'), 'Host included\n  HostName 10.9.9.2\n');
});
afterAll(() => rm(home, { recursive: true }));

function resolve(written: string, { program = 'ssh', jump }: { program?: string; jump?: string } = {}) {
  const via = jump === undefined ? undefined : parseWrittenHost(jump);
  return resolveSshHost(
    { ...(parseWrittenHost(written) ?? { host: '' }), ...(via && { jump: via }) },
    {
      home,
      program: program || undefined,
      temporaryFolder: tmpdir(),
      onResolved: (text) => reported.push(text),
    },
  );
}

describe('an alias of ~/.ssh/config', () => {
  test('an alias gives address, user, port, key, certificate and jump hosts', async () => {
    reported.length = 0;
    const { hostKeys, ...host } = await resolve('web1');
    expect(host).toEqual({
      address: '10.9.9.1',
      user: 'ubuntu',
      port: 2222,
      keyPath: join(home, '.ssh', 'id_web1-ubuntu'),
      certificatePath: join(home, '.ssh', 'cert.pub'),
      jump: {
        host: 'inner',
        // As in OpenSSH.
        user: userInfo().username,
        port: 22,
        jump: { host: 'gate.example.org', user: 'alice', port: 2200, keyPath: join(home, '.ssh', 'id_gate') },
      },
    });
    expect(hostKeys.map(({ name, hostName }) => [name, hostName])).toEqual([
      ['web1', '[10.9.9.1]:2222'],
      ['[inner]:22', 'inner'],
      ['[gate.example.org]:2200', '[gate.example.org]:2200'],
    ]);
    expect(hostKeys[0]?.paths.slice(0, 2)).toEqual([
      join(home, '.ssh', 'known_hosts'),
      join(home, '.ssh', 'known_hosts2'),
    ]);
    expect(reported.at(-1)).toBe(
      `web1 in ~/.ssh/config: HostName 10.9.9.1, User ubuntu, Port 2222, IdentityFile ${join(home, '.ssh', 'id_web1-ubuntu')}, ` +
        `CertificateFile ${join(home, '.ssh', 'cert.pub')}, ProxyJump ${userInfo().username}@inner:22`,
    );
  });

  test('what is written wins over the configuration', async () => {
    const { hostKeys: _, ...host } = await resolve('root@web1:22', { jump: 'bob@10.1.1.1' });
    expect(host).toMatchObject({ address: '10.9.9.1', user: 'root', port: 22 });
    expect(host.jump).toEqual({ host: '10.1.1.1', user: 'bob', port: 22 });
  });

  test('an alias works as a jump host, in an included file, and as a pattern', async () => {
    expect((await resolve('10.5.5.5', { jump: 'gate' })).jump).toMatchObject({
      host: 'gate.example.org',
      user: 'root',
    });
    expect(await resolve('included')).toMatchObject({ address: '10.9.9.2', user: 'root', port: 22 });
    expect(await resolve('10.0.0.7')).toMatchObject({ address: '10.0.0.7', user: 'admin' });
  });

  test('HostKeyAlias and the known_hosts files say where host keys are', async () => {
    expect((await resolve('aliased')).hostKeys).toEqual([
      { name: 'aliased', hostName: 'shared', paths: ['/keys/a', '/keys/b', '/keys/all'] },
    ]);
  });

  test('a ProxyCommand that is a jump host counts as one, and any other is run, unless a jump host is specified', async () => {
    const { jump, proxyCommand } = await resolve('old');
    expect([jump?.host, proxyCommand]).toEqual(['gate.example.org', undefined]);
    expect(await resolve('command')).toMatchObject({ proxyCommand: 'nc -x command-proxy 10.9.9.3 22' });
    const { jump: given, proxyCommand: replaced } = await resolve('command', { jump: 'gate' });
    expect([given?.host, replaced]).toEqual(['gate.example.org', undefined]);
  });

  test('IdentityAgent replaces the agent of SSH_AUTH_SOCK', async () => {
    expect((await resolve('command')).agentSocket).toMatch(/^\/.*\/agent$/);
    expect((await resolve('no-agent')).agentSocket).toBe('none');
    expect((await resolve('old')).agentSocket).toBeUndefined();
  });

  test('a jump host that leads back to itself is refused', async () => {
    await expect(resolve('ring1')).rejects.toThrow('leads to ring1 through itself');
  });

  test('a configuration with an error is reported with its line', async () => {
    await writeFile(join(home, '.ssh', 'more'), 'Hots included\n');
    await expect(resolve('web1')).rejects.toThrow(
      /ssh cannot read its configuration: .*more: line 1: Bad configuration option: hots/,
    );
    await writeFile(join(home, '.ssh', 'more'), '');
  });
});

test('hosts without an entry, and computers without OpenSSH, have the defaults', async () => {
  const plain = { address: '192.0.2.1', user: 'root', port: 22 };
  const { hostKeys, ...host } = await resolve('192.0.2.1');
  expect(host).toEqual(plain);
  expect(hostKeys).toHaveLength(1);
  expect(await resolve('web1', { program: '' })).toEqual({
    ...plain,
    address: 'web1',
    hostKeys: [{ name: 'web1', hostName: 'web1', paths: [] }],
  });
});
