import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { compare, takeTurns } from './measure.js';
import { isInstalled, run } from './programs.js';

/** @typedef {{ name: string, address: string }} Node */

/**
 * Runs `true` on all machines in parallel, and compares that with programs that do so over OpenSSH.
 * @param {import('./belt.js').Belt} belt
 * @param {readonly Node[]} nodes
 * @param {number} rounds
 * @param {AbortSignal} signal
 * @returns {Promise<import('./measure.js').Measurement[]>}
 */
export async function measureFanOut(belt, nodes, rounds, signal) {
  const rivals = await rivalsFor(belt, nodes);
  const installed = rivals.filter(({ program }) => isInstalled(program));
  const time = (/** @type {[string, ...string[]]} */ command) => async () =>
    (await run(command, { cwd: belt.folder, env: belt.env, signal })).ms;
  /** @type {Record<string, () => Promise<number>>} */
  const contestants = { belt: time(belt.command(['exec', '--all', '--', 'true'])) };
  for (const { program, command } of installed) contestants[program] = time(command);
  const ms = await takeTurns(rounds, contestants);
  return rivals.map(({ program, label }) =>
    compare(
      { name: `belt exec --all (${nodes.length} machines)`, unit: 'ms', against: label },
      ms['belt'] ?? [],
      ms[program],
    ),
  );
}

/**
 * The known_hosts file lists addresses, because these programs cannot set an alias per host.
 * @param {import('./belt.js').Belt} belt
 * @param {readonly Node[]} nodes
 * @returns {Promise<{ program: string, label: string, command: [string, ...string[]] }[]>}
 */
async function rivalsFor(belt, nodes) {
  const addresses = nodes.map(({ address }) => address);
  const hosts = join(belt.folder, 'hosts');
  await writeFile(hosts, `${addresses.map((address) => `root@${address}`).join('\n')}\n`);
  const knownHosts = join(belt.folder, 'known_hosts');
  await writeFile(knownHosts, await knownHostsOf(belt, nodes));
  const options = [...belt.sshOptions, '-o', `UserKnownHostsFile=${knownHosts}`];
  const many = String(Math.min(nodes.length, 64));
  return [
    {
      program: 'xargs',
      label: 'xargs ssh',
      command: ['xargs', '-a', hosts, '-P', many, '-I', 'HOST', 'ssh', ...options, 'HOST', 'true'],
    },
    {
      program: 'parallel-ssh',
      label: 'pssh',
      command: ['parallel-ssh', '-h', hosts, '-p', many, '-x', options.join(' '), 'true'],
    },
    {
      program: 'clush',
      label: 'clush',
      command: [
        'clush',
        '-S',
        '-f',
        many,
        '-l',
        'root',
        '-o',
        options.join(' '),
        '-w',
        addresses.join(','),
        'true',
      ],
    },
  ];
}

/**
 * @param {import('./belt.js').Belt} belt
 * @param {readonly Node[]} nodes
 */
async function knownHostsOf(belt, nodes) {
  const show = ['--', 'cut -d " " -f 1,2 /etc/ssh/ssh_host_ed25519_key.pub'];
  const lines = await Promise.all(
    nodes.map(async ({ name, address }) => `${address} ${(await belt.run(['exec', name, ...show])).stdout}`),
  );
  return lines.join('');
}
