import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { UserError } from '../../../src/base/errors.js';
import { ConnectError, fingerprint, generateKeyPair, type SshTarget } from '../../../src/ssh/index.js';
import { finish, freePort, type Peer, type PeerOptions, startPeer } from './ssh-peer.js';

/** Two servers: `machine` is reached through `gate`. */

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function peerWith(options: PeerOptions = {}): Promise<Peer> {
  const peer = await startPeer(options);
  cleanups.push(peer.close);
  return peer;
}

function behind(gate: Peer, machine: Peer, change: Partial<SshTarget> = {}): SshTarget {
  return machine.target({ jump: gate.target({ name: '[gate]:22' }), ...change });
}

async function failure(work: Promise<unknown>): Promise<Error & { hint?: string; problem?: string }> {
  try {
    await work;
  } catch (error) {
    return error as Error;
  }
  throw new Error('it did not fail');
}

test('a command runs on the machine behind the jump host, and the host keys of both are pinned', async () => {
  const gate = await peerWith({ forwards: true });
  const machine = await peerWith({
    run: (channel, command) => {
      channel.write(`machine ran ${command}`);
      finish(channel, 3);
    },
  });
  const connection = await gate.ssh().connect(behind(gate, machine));
  const { code, stdout } = await connection.run('hostname');
  expect({ code, stdout: stdout.includes('hostname') && stdout.startsWith('machine ran') }).toEqual({
    code: 3,
    stdout: true,
  });
  const line = (name: string, { hostKey }: Peer) =>
    `${name} ${hostKey.publicKey.split(' ').slice(0, 2).join(' ')}\n`;
  expect(await readFile(join(gate.folder, 'known_hosts'), 'utf8')).toBe(
    line('[gate]:22', gate) + line('node1', machine),
  );
});

test('many machines share one connection to the jump host', async () => {
  const gate = await peerWith({ forwards: true });
  const machines = await Promise.all([peerWith(), peerWith(), peerWith()]);
  const ssh = gate.ssh();
  await Promise.all(
    machines.map((machine, index) => ssh.connect(behind(gate, machine, { name: `node${index}` }))),
  );
  expect(gate.counts.connections).toBe(1);
  expect(machines.map(({ counts }) => counts.connections)).toEqual([1, 1, 1]);
});

test.each(['[gate]:22', 'node1'])('a changed host key of %s is refused', async (name) => {
  const gate = await peerWith({ forwards: true });
  const machine = await peerWith();
  const before = generateKeyPair('before').publicKey;
  await writeFile(join(gate.folder, 'known_hosts'), `${name} ${before}\n`);
  const error = await failure(gate.ssh().connect(behind(gate, machine)));
  const shown = name === 'node1' ? machine : gate;
  expect(error).toBeInstanceOf(UserError);
  expect(error.message).toBe(
    `${name}: the host key at 127.0.0.1 port ${shown.port} has changed: expected ${fingerprint(before)}, ` +
      `got ${fingerprint(shown.hostKey.publicKey)}`,
  );
});

test('an unreachable jump host is reported as the obstacle', async () => {
  const gate = await peerWith({ forwards: true });
  const machine = await peerWith();
  const port = await freePort();
  const target = machine.target({ jump: gate.target({ name: '[gate]:22', port }) });
  const error = await failure(gate.ssh().connect(target));
  expect(error).toBeInstanceOf(ConnectError);
  expect([error.message, error.problem]).toEqual([
    `node1: jump host 127.0.0.1: refused by 127.0.0.1 port ${port}`,
    'refused',
  ]);
});

test('a machine that the jump host cannot reach is distinguished from a jump host that does not forward', async () => {
  const machine = await peerWith();
  const port = await freePort();
  const open = await peerWith({ forwards: true });
  const error = await failure(open.ssh().connect(behind(open, machine, { port })));
  expect(error).toBeInstanceOf(ConnectError);
  expect(error.message).toMatch(/^node1: .*127\.0\.0\.1 port \d+, seen from 127\.0\.0\.1/);

  const closed = await peerWith();
  const refused = await failure(closed.ssh().connect(behind(closed, machine)));
  expect(refused.message).toBe('node1: 127.0.0.1 does not forward connections');
  expect(refused.hint).toBe('set "AllowTcpForwarding yes" in sshd_config on 127.0.0.1');
});

test('a lost connection to the jump host is replaced by the next connect', async () => {
  const gate = await peerWith({ forwards: true });
  const machine = await peerWith();
  const ssh = gate.ssh();
  const first = await ssh.connect(behind(gate, machine));
  gate.cut();
  await expect(
    (async () => {
      for (;;) await first.run('true');
    })(),
  ).rejects.toThrow('node1:');
  const second = await ssh.waitFor(behind(gate, machine), { timeoutMs: 10_000 });
  expect((await second.run('true')).code).toBe(0);
});
