import { afterEach, describe, expect, test } from 'vitest';
import { findNoShell, noShellError, requestedUser } from '../../../src/app/login-shell.js';
import { type Command, finish, type Peer, startPeer } from '../ssh/ssh-peer.js';

let peer: Peer | undefined;
afterEach(async () => {
  await peer?.close();
  peer = undefined;
});

const { signal } = new AbortController();

async function connectTo(run: Command) {
  peer = await startPeer({ run });
  return peer.ssh().connect(peer.target());
}

const cloudImage = 'Please login as the user "ubuntu" rather than the user "root".';

describe('a login that runs no shell', () => {
  test('a shell with a banner is a shell', async () => {
    const connection = await connectTo((channel, command) => {
      channel.write(`Welcome\n${command.replace('echo ', '')}\n`);
      finish(channel, 0);
    });
    expect(await findNoShell(connection, signal)).toBeUndefined();
  });

  test('what the server says is shown, with both streams and the exit code', async () => {
    const connection = await connectTo((channel) => {
      channel.write('This service allows sftp connections only.\n\n');
      channel.stderr.write('Bye\n');
      finish(channel, 1);
    });
    const output = await findNoShell(connection, signal);
    expect(output && noShellError(connection, output).message).toBe(
      'node1: the login of root runs no shell commands: This service allows sftp connections only. / Bye / exit code 1',
    );
  });

  test('the user that a cloud image asks for is recognized without waiting for the end', async () => {
    const connection = await connectTo((channel) => channel.write(`${cloudImage}\n\n`));
    const output = await findNoShell(connection, signal);
    expect(output && requestedUser(output)).toBe('ubuntu');
  });

  test('a mark after a long message of the day is found', async () => {
    const connection = await connectTo((channel, command) => {
      channel.write(`${'Welcome\n'.repeat(10_000)}${command.replace('echo ', '')}\n`);
      finish(channel, 0);
    });
    expect(await findNoShell(connection, signal)).toBeUndefined();
  });

  test('output without an end is cut off', async () => {
    const connection = await connectTo((channel) => {
      const write = () => channel.writable && channel.write('y\n'.repeat(10_000), write);
      write();
    });
    const output = await findNoShell(connection, signal);
    expect(output && noShellError(connection, output).message).toContain('runs no shell commands: y / y / y');
  });

  test.each([
    [cloudImage, 'log in as ubuntu'],
    ['Please login as the user "root" rather than the user "root".', 'specify another user'],
    ['WARNING: Your password has expired.\nPassword change required but no TTY available.', 'ssh -t -p'],
    ['You are required to change your password immediately (root enforced)', 'ssh -t -p'],
    ['This account is currently not available.', 'specify another user'],
  ])('the hint for %j begins with %j', async (stdout, hint) => {
    const connection = await connectTo(() => {});
    expect(noShellError(connection, { stdout, stderr: '', code: 1 }).hint).toMatch(new RegExp(`^${hint}`));
  });

  test.each<readonly [string, string | undefined]>([
    [cloudImage, 'ubuntu'],
    ...['bitnami', 'admin', 'centos', 'fedora', 'debian', 'opc', 'cloud-user', 'azureuser', 'j.doe'].map(
      (user) => [`Please login as the user "${user}" rather than the user "root".`, user] as const,
    ),
    ['Please login as the ubuntu user rather than root user.', 'ubuntu'],
    ["Please log in as 'core'", 'core'],
    ['Please login as the user "NONE" rather than the user "root".', undefined],
    ['Please log in as another user', undefined],
    ['Please login as the user "ec2-user" rather than the user "root".', 'ec2-user'],
    ['Please login as the admin user rather than the root user.', 'admin'],
    ['Please login as the user "$(reboot)" rather than the user "root".', undefined],
    ['Last login: today', undefined],
  ])('the user in %j is %s', (stdout, user) => {
    expect(requestedUser({ stdout, stderr: '' })).toBe(user);
  });
});
