import type { Context } from '../app/context.js';
import { UserError } from '../base/errors.js';
import { engineEndpoint, type Machine } from './model/machine.js';
import { selectMachine, selectMachines } from './select-machines.js';

/** The machine that `belt docker` uses. @throws UserError when none is active or it is missing */
export async function activeMachine(context: Context): Promise<Machine> {
  const name = await context.cluster.activeMachine();
  // docker-machine's sentence.
  if (!name) throw new UserError('No active host found', { hint: 'belt active NODE, or use --host NODE' });
  return context.cluster.machine(name);
}

/** The name of the machine chosen with `belt active`, or else of the one at $DOCKER_HOST. */
export async function activeName(
  dockerHost: string | undefined,
  machines: readonly Machine[],
  { cluster }: Context,
): Promise<string | undefined> {
  const chosen = await cluster.activeMachine();
  if (chosen !== undefined || !dockerHost) return chosen;
  return machines.find((machine) => engineEndpoint(machine)?.url === dockerHost)?.name;
}

/** @throws UserError when no machine is active and $DOCKER_HOST is not a machine's URL */
export async function resolveActiveMachine(
  dockerHost: string | undefined,
  context: Context,
): Promise<Machine> {
  const chosen = await context.cluster.activeMachine();
  if (chosen !== undefined || !dockerHost) return activeMachine(context);
  const { machines } = await context.cluster.machines();
  const name = await activeName(dockerHost, machines, context);
  return machines.find((machine) => machine.name === name) ?? activeMachine(context);
}

export async function activate(node: string, context: Context): Promise<Machine> {
  const machine = await selectMachine(node, context);
  await context.cluster.setActiveMachine(machine.name);
  return machine;
}

/** @param hint for several machines */
export async function machineFor(host: readonly string[], context: Context, hint?: string): Promise<Machine> {
  return host.length > 0 ? selectMachine(host, context, hint) : activeMachine(context);
}

/** The machines of `--host`, or the active one. */
export async function machinesFor(host: readonly string[], context: Context): Promise<Machine[]> {
  return host.length > 0 ? selectMachines(host, context) : [await activeMachine(context)];
}

/** `node1` in the default cluster and in docker-machine's stores, else `swarm2k/mg0`. */
export function qualifiedName(machine: Machine, { cluster }: Context): string {
  return cluster.name === 'default' || cluster.byFolder ? machine.name : `${cluster.name}/${machine.name}`;
}
