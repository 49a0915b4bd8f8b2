import type { Machine } from '../../machines/machine.js';
import { type MachineNetwork, networkCommand, readNetwork } from '../../swarm/network.js';
import type { Context } from '../context.js';
import { reach } from '../machines/reach.js';

const timeoutMs = 10_000;

/** The addresses and networks of the machine itself, which its provider may not tell. */
export async function networkOf(machine: Machine, context: Context): Promise<MachineNetwork> {
  const connection = await reach(machine, context);
  const { stdout } = await connection.run(networkCommand, { timeoutMs, signal: context.signal });
  return readNetwork(stdout);
}
