import { compare, takeTurns } from './measure.js';
import { run } from './programs.js';

/**
 * Compares one command on one machine with OpenSSH without connection sharing, and measures belt's
 * startup and the commands that only read local records.
 * @param {import('./belt.js').Belt} belt
 * @param {import('./fan-out.js').Node} node the active one
 * @param {number} rounds
 * @param {AbortSignal} signal
 * @returns {Promise<import('./measure.js').Measurement[]>}
 */
export async function measureCommands(belt, { name, address }, rounds, signal) {
  const { env } = belt;
  const time =
    (/** @type {[string, ...string[]]} */ command, /** @type {NodeJS.ProcessEnv} */ more = {}) =>
    async () =>
      (await run(command, { cwd: belt.folder, env: { ...env, ...more }, signal })).ms;
  const ms = await takeTurns(rounds, {
    node: time([process.execPath, '-e', '0']),
    version: time(belt.command(['--version'])),
    env: time(belt.command(['env', name])),
    config: time(belt.command(['config', name])),
    ls: time(belt.command(['ls'])),
    dockerVersion: time(belt.command(['docker', 'version']), { BELT_DOCKER_CLIENT: 'remote' }),
    ownDockerVersion: time(belt.command(['docker', 'version'])),
    sshDockerVersion: time(belt.ssh(name, address, ['docker', 'version'])),
    true: time(belt.command(['exec', name, '--', 'true'])),
    sshTrue: time(belt.ssh(name, address, ['true'])),
  });
  return [
    compare(
      {
        name: 'belt docker version, client there',
        unit: 'ms',
        against: 'ssh HOST docker version',
        target: 'ratio at most 1.0',
      },
      ms.dockerVersion,
      ms.sshDockerVersion,
    ),
    compare(
      {
        name: 'belt docker version, client here',
        unit: 'ms',
        against: 'ssh HOST docker version',
        target: 'ratio at most 0.5',
      },
      ms.ownDockerVersion,
      ms.sshDockerVersion,
    ),
    compare({ name: 'belt exec node1 -- true', unit: 'ms', against: 'ssh HOST true' }, ms.true, ms.sshTrue),
    compare({ name: 'belt ls', unit: 'ms', against: 'node -e 0' }, ms.ls, ms.node),
    compare({ name: 'belt --version', unit: 'ms', against: 'node -e 0' }, ms.version, ms.node),
    compare({ name: 'belt env node1', unit: 'ms', against: 'belt --version' }, ms.env, ms.version),
    compare({ name: 'belt config node1', unit: 'ms', against: 'belt --version' }, ms.config, ms.version),
  ];
}
