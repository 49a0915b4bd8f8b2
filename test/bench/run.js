/**
 * Compares belt with the bare tools: `npm run bench`, see docs/benchmarks.md. It creates real
 * machines, so it needs root and the base image (`belt image build`).
 */
import { setMaxListeners } from 'node:events';
import { cpus, release } from 'node:os';
import { parseArgs } from 'node:util';
import { measureAdopt } from './adopt.js';
import { newBelt } from './belt.js';
import { measureCommands } from './commands.js';
import { measureFanOut } from './fan-out.js';
import { measureGrowth } from './growth.js';
import { measureStream } from './stream.js';
import { measureSwarm } from './swarm.js';
import { table } from './table.js';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '15' },
    machines: { type: 'string', default: '4' },
    megabytes: { type: 'string', default: '1000' },
    only: { type: 'string', multiple: true, default: ['swarm', 'adopt', 'commands', 'fan-out', 'stream'] },
  },
});
const rounds = Number(values.rounds);
/** Slow measurements run less often. */
const fewRounds = Math.max(1, Math.ceil(rounds / 3));
const wanted = (/** @type {string} */ part) => values.only.includes(part);
const log = (/** @type {string} */ text) => process.stderr.write(`${text}\n`);

const stop = new AbortController();
// The signal stops dozens of programs at once.
setMaxListeners(0, stop.signal);
process.on('SIGINT', () => stop.abort(new Error('interrupted')));
process.on('SIGTERM', () => stop.abort(new Error('interrupted')));

/** @type {import('./measure.js').Measurement[]} */
const found = [];
try {
  await measureAll(stop.signal);
} finally {
  print();
}

/** Also prints the results so far after a failure, because they took minutes. */
function print() {
  if (values.json) console.log(JSON.stringify({ computer: computer(), measurements: found }, undefined, 2));
  else {
    const { date, node, kernel, cpus: count } = computer();
    console.log(
      `${date}, Node ${node}, Linux ${kernel}, ${count} CPUs; median (least-most)\n\n${table(found)}`,
    );
  }
}

/** @param {AbortSignal} signal */
async function measureAll(signal) {
  if (wanted('swarm')) {
    log(`a swarm of four, ${fewRounds} rounds`);
    found.push(...(await measureSwarm(fewRounds, signal)));
  }
  if (wanted('adopt')) {
    log(`existing servers, ${fewRounds} rounds`);
    found.push(...(await measureAdopt(fewRounds, signal)));
  }
  if (['commands', 'fan-out', 'stream'].some(wanted)) await measureOnMachines(signal);
  // Not by default: a hundred machines need 8 GB and several minutes.
  if (wanted('growth')) found.push(...(await measureGrowth(signal, log)));
}

/** @param {AbortSignal} signal */
async function measureOnMachines(signal) {
  const belt = await newBelt(signal);
  try {
    log(`${values.machines} machines`);
    await belt.run(['create', '512mb', `node[1:${values.machines}]`]);
    await belt.run(['active', 'node1']);
    const nodes = JSON.parse((await belt.run(['ls', '--json'])).stdout);
    const [first] = nodes;
    if (wanted('commands')) {
      log(`single commands, ${rounds} rounds`);
      found.push(...(await measureCommands(belt, first, rounds, signal)));
    }
    if (wanted('fan-out')) {
      log(`all machines, ${rounds} rounds`);
      found.push(...(await measureFanOut(belt, nodes, rounds, signal)));
    }
    if (wanted('stream')) {
      log(`${values.megabytes} MB, ${fewRounds} rounds`);
      const options = { rounds: fewRounds, megabytes: Number(values.megabytes) };
      found.push(...(await measureStream(belt, first, options, signal)));
    }
  } finally {
    await belt.dispose();
  }
}

function computer() {
  return {
    date: new Date().toISOString().slice(0, 10),
    node: process.version,
    kernel: release(),
    cpus: cpus().length,
  };
}
