import { newBelt } from './belt.js';
import { compare } from './measure.js';
import { run } from './programs.js';

/** Nodes per swarm. The largest swarm needs 8 GB of memory. */
const sizes = [4, 20, 50, 97];
/** Machines per create and join, as belt runs them in parallel. */
const batchSize = 32;

/** @typedef {{ create: number, join: number, joinByHand: number }} PerNode milliseconds */

/**
 * Measures what each node costs in swarms of growing size; the cost must stay constant. Engines do
 * more work per join in a large swarm, whichever program runs it, so the joins also run without
 * belt for comparison.
 * @param {AbortSignal} signal
 * @param {(text: string) => void} log
 * @returns {Promise<import('./measure.js').Measurement[]>}
 */
export async function measureGrowth(signal, log) {
  /** @type {Map<number, PerNode>} */
  const costs = new Map();
  for (const size of sizes) {
    log(`a swarm of ${size}`);
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
    const created = await belt.run(['create', '256mb', `node[1:${size}]`]);
    const began = await belt.run(['swarm', 'init', 'node1']);
    const joined = await belt.run(['swarm', 'join', 'node1', `node[2:${size}]`]);
    await requireReady(belt, size);
    await belt.run(['exec', '--all', '--', 'docker', 'swarm', 'leave', '--force']);
    const byHand = await joinByHand(belt, signal);
    await requireReady(belt, size);
    return { create: created.ms / size, join: (began.ms + joined.ms) / size, joinByHand: byHand / size };
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
  await Promise.all(Array.from({ length: batchSize }, joinOthers));
  return performance.now() - begin;
}
