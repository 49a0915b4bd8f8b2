import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { run } from './programs.js';

const program = resolve(import.meta.dirname, '../../bin/run.js');

/** Variables that change what belt does or how fast Node starts. */
const left = [
  'MACHINE_STORAGE_PATH',
  'MACHINE_DRIVER',
  'SUDO_UID',
  'SUDO_GID',
  'SUDO_USER',
  'NODE_OPTIONS',
  'NODE_EXTRA_CA_CERTS',
];

/**
 * The built program with its own state folder.
 * @typedef {object} Belt
 * @property {(args: readonly string[]) => [string, ...string[]]} command
 * @property {(args: readonly string[], options?: import('./programs.js').RunOptions) => Promise<import('./programs.js').Run>} run
 * @property {(name: string, address: string, args: readonly string[]) => [string, ...string[]]} ssh
 *   OpenSSH with belt's key and known hosts
 * @property {string} keyPath belt's key
 * @property {readonly string[]} sshOptions for every machine: the key, without prompts
 * @property {string} folder
 * @property {NodeJS.ProcessEnv} env
 * @property {() => Promise<void>} dispose removes all its machines and the folder
 */

/**
 * @param {AbortSignal} signal
 * @returns {Promise<Belt>}
 */
export async function newBelt(signal) {
  const folder = await mkdtemp(join(tmpdir(), 'belt-bench-'));
  const state = join(folder, '.belt');
  /** @type {NodeJS.ProcessEnv} */
  const env = { ...process.env, BELT_HOME: state };
  for (const name of left) delete env[name];
  const command = (/** @type {readonly string[]} */ args) =>
    /** @type {[string, ...string[]]} */ ([process.execPath, program, ...args]);
  const ssh = join(state, 'default/ssh');
  const keyPath = join(ssh, 'id_ed25519');
  const sshOptions = [
    ...['-F', 'none', '-i', keyPath],
    ...['IdentitiesOnly=yes', 'BatchMode=yes', 'LogLevel=ERROR'].flatMap((option) => ['-o', option]),
  ];
  return {
    folder,
    env,
    command,
    run: (args, options) => run(command(args), { cwd: folder, env, signal, ...options }),
    keyPath,
    sshOptions,
    ssh: (name, address, args) => [
      'ssh',
      ...sshOptions,
      ...['-o', `UserKnownHostsFile=${join(ssh, 'known_hosts')}`, '-o', `HostKeyAlias=${name}`],
      `root@${address}`,
      ...args,
    ],
    async dispose() {
      const options = { cwd: folder, env };
      const { stdout } = await run(command(['ls', '--quiet']), options);
      if (stdout.trim() !== '') await run(command(['rm', '--all', '--yes']), options);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
