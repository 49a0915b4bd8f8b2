import { newBelt } from './belt.js';
import { compare } from './measure.js';

/** How many nodes a swarm is made of; the last is what a computer with 8 GB to spare can have. */
const sizes = [4, 20, 50, 97];

/** @typedef {{ create: number, join: number }} PerNode milliseconds */

/**
 * What each node costs in swarms of growing size: it must not grow with them.
 * @param {AbortSignal} signal
 * @param {(text: string) => void} tell
 * @returns {Promise<import('./measure.js').Measurement[]>}
 */
export async function measureGrowth(signal, tell) {
  /** @type {Map<number, PerNode>} */
  const costs = new Map();
  for (const size of sizes) {
    tell(`a swarm of ${size}`);
    costs.set(size, await costOfNode(size, signal));
  }
  const [smallest = 0] = sizes;
  const base = /** @type {PerNode} */ (costs.get(smallest));
  return [...costs].flatMap(([size, { create, join }]) => {
    const rows = [
      { name: `create, a node of ${size}`, own: create, other: base.create },
      { name: `swarm init and join, a node of ${size}`, own: join, other: base.join },
    ];
    return rows.map(({ name, own, other }) =>
      compare(
        { name, unit: 'ms', against: `a node of ${smallest}`, target: 'ratio at most 1.0' },
        [own],
        [other],
      ),
    );
  });
}

/**
 * @param {number} size
 * @param {AbortSignal} signal
 * @returns {Promise<PerNode>}
 */
async function costOfNode(size, signal) {
  const belt = await newBelt(signal);
  try {
    const made = await belt.run(['create', '256mb', `node[1:${size}]`]);
    const began = await belt.run(['swarm', 'init', 'node1']);
    const joined = await belt.run(['swarm', 'join', 'node1', `node[2:${size}]`]);
    const { stdout } = await belt.run(['swarm', 'ls', '--json']);
    const ready = JSON.parse(stdout).filter(
      (/** @type {{ status: string }} */ { status }) => status === 'ready',
    );
    if (ready.length !== size) throw new Error(`of ${size} nodes ${ready.length} are ready`);
    return { create: made.ms / size, join: (began.ms + joined.ms) / size };
  } finally {
    await belt.dispose();
  }
}
