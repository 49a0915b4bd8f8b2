import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { compare, takeTurns } from './measure.js';
import { run } from './programs.js';

/** Imports an image from the machine's busybox, so that no registry is needed. */
const startContainer = `set -e
  tar -C / -c usr/bin/busybox | docker import - bench:1 >/dev/null
  docker run --detach --name bench bench:1 /usr/bin/busybox sleep 86400 >/dev/null`;
const command = ['docker', 'exec', '-i', 'bench', '/usr/bin/busybox', 'cat'];

/**
 * Sends bytes through a container and back. Measures MB/s (10^6 bytes, one way) and the peak memory
 * of the local program.
 * @param {import('./belt.js').Belt} belt
 * @param {import('./fan-out.js').Node} node the active one
 * @param {{ rounds: number, megabytes: number }} options
 * @param {AbortSignal} signal
 * @returns {Promise<import('./measure.js').Measurement[]>}
 */
export async function measureStream(belt, { name, address }, { rounds, megabytes }, signal) {
  await belt.run(['exec', name, '--', startContainer]);
  const path = join(belt.folder, 'zeros');
  const zeros = await open(path, 'w');
  await zeros.truncate(megabytes * 1e6);
  await zeros.close();

  /** @type {{ belt: number[], ssh: number[] }} */
  const memory = { belt: [], ssh: [] };
  const send = async (/** @type {'belt' | 'ssh'} */ who, /** @type {[string, ...string[]]} */ program) => {
    const input = await open(path);
    try {
      const options = { stdin: input.fd, stdout: /** @type {const} */ ('drop'), peak: true, signal };
      const { ms, peakMb } = await run(program, { cwd: belt.folder, env: belt.env, ...options });
      memory[who].push(peakMb);
      return megabytes / (ms / 1000);
    } finally {
      await input.close();
    }
  };
  const rates = await takeTurns(rounds, {
    belt: () => send('belt', belt.command(command)),
    ssh: () => send('ssh', belt.ssh(name, address, command)),
  });
  const what = `${megabytes / 1000} GB through belt docker exec -i`;
  const against = 'ssh HOST docker exec -i';
  return [
    compare({ name: what, unit: 'MB/s', against }, rates.belt, rates.ssh),
    compare({ name: `${what}, peak memory`, unit: 'MB', against }, memory.belt, memory.ssh),
  ];
}
