import { newBelt } from './belt.js';
import { compare } from './measure.js';
import { run } from './programs.js';

/** How many nodes a swarm is made of; the last is what a computer with 8 GB to spare can have. */
const sizes = [4, 20, 50, 97];
/** How many nodes are worked on at a time, as belt does it. */
const atOnce = 32;

/** @typedef {{ create: number, join: number, joinByHand: number }} PerNode milliseconds */

/**
 * What each node costs in swarms of growing size: it must not grow with them. Engines that know each other have more to do with each
 * node that comes, whichever program runs the join, so the joins are also done by hand.
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
  return [...costs].flatMap(([size, { create, join, joinByHand }]) => [
    compare(
      { name: `create, a node of ${size}`, unit: 'ms', against: `a node of ${smallest}` },
      [create],
      [base.create],
    ),
    compare(
      { name: `swarm init and join, a node of ${size}`, unit: 'ms', against: 'ssh HOST docker swarm join' },
      [join],
      [joinByHand],
    ),
  ]);
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
    await requireReady(belt, size);
    await belt.run(['exec', '--all', '--', 'docker', 'swarm', 'leave', '--force']);
    const byHand = await joinByHand(belt, signal);
    await requireReady(belt, size);
    return { create: made.ms / size, join: (began.ms + joined.ms) / size, joinByHand: byHand / size };
  } finally {
    await belt.dispose();
  }
}

/**
 * @param {import('./belt.js').Belt} belt
 * @param {number} size
 */
async function requireReady(belt, size) {
  const { stdout } = await belt.run(['swarm', 'ls', '--json']);
  const ready = JSON.parse(stdout).filter(
    (/** @type {{ status: string }} */ { status }) => status === 'ready',
  );
  if (ready.length !== size) throw new Error(`of ${size} nodes ${ready.length} are ready`);
}

/**
 * @param {import('./belt.js').Belt} belt
 * @param {AbortSignal} signal
 * @returns {Promise<number>} milliseconds
 */
async function joinByHand(belt, signal) {
  /** @type {import('./fan-out.js').Node[]} */
  const nodes = JSON.parse((await belt.run(['ls', '--json'])).stdout);
  const [manager, ...workers] = nodes;
  if (!manager) throw new Error('no machine is there');
  const docker = (
    /** @type {import('./fan-out.js').Node} */ { name, address },
    /** @type {string[]} */ ...args
  ) => run(belt.ssh(name, address, ['docker', 'swarm', ...args]), { env: belt.env, signal });
  const begin = performance.now();
  await docker(manager, 'init', '--advertise-addr', manager.address);
  const token = (await docker(manager, 'join-token', '--quiet', 'worker')).stdout.trim();
  const waiting = [...workers];
  const joinOthers = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift())
      await docker(
        next,
        'join',
        '--advertise-addr',
        next.address,
        '--token',
        token,
        `${manager.address}:2377`,
      );
  };
  await Promise.all(Array.from({ length: atOnce }, joinOthers));
  return performance.now() - begin;
}
