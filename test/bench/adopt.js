import { newBelt } from './belt.js';
import { compare, takeTurns } from './measure.js';

const count = 4;
const names = `server[1:${count}]`;

/** Prints how many milliseconds the engine needs to restart, measured on the server. */
const restart = 'begin=$(date +%s%N); systemctl restart docker; echo $((($(date +%s%N) - begin) / 1000000))';

/**
 * Adopts servers that already run Docker, all at once, and compares that with restarting their
 * engines: an engine cannot switch to TLS without a restart. The servers are guests of another
 * cluster whose engines only listen on their local sockets.
 * @param {number} rounds
 * @param {AbortSignal} signal
 * @returns {Promise<import('./measure.js').Measurement[]>}
 */
export async function measureAdopt(rounds, signal) {
  const [owner, adopter] = [await newBelt(signal), await newBelt(signal)];
  try {
    await owner.run(['create', '--engine-access', 'local', '512mb', names]);
    const addresses = (await owner.run(['ip', names])).stdout.trim().split('\n').join(',');
    const adopt = ['create', '-d', 'generic', '--generic-ip-address', addresses];
    const ms = await takeTurns(rounds, {
      belt: async () => {
        await forgetRestarts(owner);
        const { ms } = await adopter.run([...adopt, '--generic-ssh-key', owner.keyPath, names]);
        await adopter.run(['rm', '--all', '--yes']);
        return ms;
      },
      engine: async () => {
        await forgetRestarts(owner);
        const { stdout } = await owner.run(['exec', '--all', '--', restart]);
        return Math.max(...Array.from(stdout.matchAll(/ (\d+)$/gm), ([, number]) => Number(number)));
      },
    });
    return [
      compare(
        {
          name: `create -d generic (${count} servers)`,
          unit: 'ms',
          against: 'systemctl restart docker',
          target: 'at most 3000 ms more',
        },
        ms.belt,
        ms.engine,
      ),
    ];
  } finally {
    await adopter.dispose();
    await owner.dispose();
  }
}

/**
 * Resets systemd's limit of three engine starts a minute.
 * @param {import('./belt.js').Belt} belt
 */
function forgetRestarts(belt) {
  return belt.run(['exec', '--all', '--', 'systemctl reset-failed docker.service docker.socket']);
}
