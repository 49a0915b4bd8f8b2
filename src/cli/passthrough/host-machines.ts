import type { Context } from '../../app/context.js';
import { machinesFor } from '../../machines/active-machine.js';
import type { Machine } from '../../machines/model/machine.js';

/** `--host manager`: any manager that answers, of the active machine's swarm. */
const anyManager = 'manager';

/** The machines of `--host`, or the active one. @throws as `machinesFor` and `findAnyManager` */
export async function hostMachines(host: readonly string[], context: Context): Promise<Machine[]> {
  if (!host.includes(anyManager) || (await isMachine(anyManager, context))) return machinesFor(host, context);
  const { findAnyManager } = await import('../../swarm/any-manager.js');
  const { name } = await findAnyManager(context);
  return machinesFor(
    host.map((node) => (node === anyManager ? name : node)),
    context,
  );
}

async function isMachine(name: string, { cluster }: Context): Promise<boolean> {
  const { machines } = await cluster.machines();
  return machines.some((machine) => machine.name === name);
}
