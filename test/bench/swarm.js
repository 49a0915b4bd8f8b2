import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newBelt } from './belt.js';
import { compare, takeTurns } from './measure.js';
import { freeNetwork } from './network.js';
import { run } from './programs.js';

const images = '/var/lib/belt/images';
const byHand = join(import.meta.dirname, 'by-hand.sh');
const nodes = 4;

/** The README's commands, in order. */
const commands = {
  create: ['create', '512mb', `node[1:${nodes}]`],
  active: ['active', 'node1'],
  'docker swarm init': ['docker', 'swarm', 'init'],
  'swarm join': ['swarm', 'join', 'node1', `node[2:${nodes}]`],
  'docker node ls': ['docker', 'node', 'ls'],
};

/** @typedef {Record<string, number>} Parts milliseconds per part */

/**
 * Creates a swarm of four nodes from nothing but the base image, with belt and with the bare tools.
 * @param {number} rounds
 * @param {AbortSignal} signal
 * @returns {Promise<import('./measure.js').Measurement[]>}
 */
export async function measureSwarm(rounds, signal) {
  /** @type {{ belt: Parts[], byHand: Parts[] }} */
  const parts = { belt: [], byHand: [] };
  const keep = async (/** @type {'belt' | 'byHand'} */ who, /** @type {Promise<Parts>} */ work) => {
    const result = await work;
    parts[who].push(result);
    return total(result);
  };
  const totals = await takeTurns(rounds, {
    belt: () => keep('belt', withBelt(signal)),
    byHand: () => keep('byHand', withBareTools(signal)),
  });

  const of = (/** @type {Parts[]} */ rows, /** @type {string} */ name) =>
    rows.map((row) => Number(row[name]));
  const each = Object.keys(commands).map((name) => {
    const belt = of(parts.belt, name);
    if (name === 'active') return compare({ name, unit: 'ms' }, belt);
    return compare({ name, unit: 'ms', against: 'bare tools' }, belt, of(parts.byHand, name));
  });
  const whole = compare(
    { name: `${nodes} nodes, all commands`, unit: 'ms', against: 'bare tools', target: 'at most 8000 ms' },
    totals.belt,
    totals.byHand,
  );
  return [...each, whole];
}

/**
 * @param {AbortSignal} signal
 * @returns {Promise<Parts>}
 */
async function withBelt(signal) {
  const belt = await newBelt(signal);
  try {
    /** @type {Parts} */
    const parts = {};
    for (const [name, args] of Object.entries(commands)) {
      const { ms, stdout } = await belt.run(args);
      parts[name] = ms;
      // The leader may not see the last node as ready yet; the time until it does counts.
      if (name === 'docker node ls' && countReady(stdout) < nodes) parts[name] += await pollUntilReady(belt);
    }
    return parts;
  } finally {
    await belt.dispose();
  }
}

/** @param {import('./belt.js').Belt} belt */
async function pollUntilReady(belt) {
  const begin = performance.now();
  while (countReady((await belt.run(commands['docker node ls'])).stdout) < nodes);
  return performance.now() - begin;
}

/** @param {string} table */
function countReady(table) {
  return table.match(/ Ready /g)?.length ?? 0;
}

/**
 * @param {AbortSignal} signal
 * @returns {Promise<Parts>}
 */
async function withBareTools(signal) {
  const folder = await mkdtemp(join(tmpdir(), 'belt-bench-'));
  try {
    const { stdout } = await run(
      [byHand, await imageRoot('debian-13'), folder, 'beltb0', await freeNetwork(), String(nodes)],
      { signal },
    );
    const lines = stdout.trim().split('\n');
    return Object.fromEntries(lines.map((line) => [line.split('=')[0] ?? '', Number(line.split('=')[1])]));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** @param {string} name */
async function imageRoot(name) {
  const record = JSON.parse(await readFile(join(images, name, 'image.json'), 'utf8'));
  return join(images, name, record.folder);
}

/** @param {Parts} parts */
function total(parts) {
  return Object.values(parts).reduce((sum, ms) => sum + ms, 0);
}
