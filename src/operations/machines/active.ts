import { UserError } from '../../errors.js';
import type { Machine } from '../../machines/machine.js';
import type { Context } from '../context.js';
import { selectMachines } from './select.js';

/** The machine that `belt docker` talks to. @throws UserError when none is chosen or it is gone. */
export async function activeMachine(context: Context): Promise<Machine> {
  const name = await context.cluster.activeHost();
  if (!name)
    throw new UserError('No active host found', {
      hint: 'choose one: belt active NODE, or name one: --host NODE',
    });
  return context.cluster.machine(name);
}

/** Chooses the machine that `belt docker` talks to from now on. */
export async function activate(node: string, context: Context): Promise<Machine> {
  const machines = await selectMachines([node], context);
  const [machine] = machines;
  if (!machine || machines.length > 1) {
    throw new UserError(`one machine can be active, "${node}" names ${machines.length}`, {
      hint: 'belt active NODE',
    });
  }
  await context.cluster.setActiveHost(machine.name);
  return machine;
}

/** The machine that a command is for: the one of `--host`, or the active one. */
export async function machineFor(host: readonly string[], context: Context): Promise<Machine> {
  const [machine, ...more] = await machinesFor(host, context);
  if (!machine || more.length > 0)
    throw new UserError(`this command is for one machine, --host names ${more.length + 1}`);
  return machine;
}

/** The machines that a command is for: those of `--host`, or the active one. */
export async function machinesFor(host: readonly string[], context: Context): Promise<Machine[]> {
  return host.length > 0 ? selectMachines(host, context) : [await activeMachine(context)];
}

/** `node1` in the default cluster, `swarm2k/mg0` in one with a name of its own. */
export function qualifiedName(machine: Machine, { cluster }: Context): string {
  return cluster.name === 'default' ? machine.name : `${cluster.name}/${machine.name}`;
}
