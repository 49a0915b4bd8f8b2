import { reach } from '../app/connect-ssh.js';
import type { Context } from '../app/context.js';
import { UserError } from '../base/errors.js';
import { clusterAddress, type Machine } from '../machines/model/machine.js';
import { type MachineNetwork, networkCommand, parseNetwork } from './model/machine-network.js';

const timeoutMs = 10_000;

/** @throws UserError when the machine has no address yet */
export function requireAddress(machine: Machine): string {
  const address = clusterAddress(machine);
  if (address) return address;
  throw new UserError(`${machine.name} has no address that other nodes could join at`, { hint: 'belt ls' });
}

export async function networkOf(machine: Machine, context: Context): Promise<MachineNetwork> {
  const connection = await reach(machine, context);
  const { stdout } = await connection.run(networkCommand, { timeoutMs, signal: context.signal });
  return parseNetwork(stdout);
}
