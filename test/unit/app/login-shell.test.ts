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

  test.each([
    [cloudImage, 'ubuntu'],
    ['Please login as the user "ec2-user" rather than the user "root".', 'ec2-user'],
    ['Please login as the admin user rather than the root user.', 'admin'],
    ['Please login as the user "$(reboot)" rather than the user "root".', undefined],
    ['Last login: today', undefined],
  ])('the user in %j is %s', (stdout, user) => {
    expect(requestedUser({ stdout, stderr: '' })).toBe(user);
  });
});
