import { sshTarget } from '../app/connect-ssh.js';
import type { Context } from '../app/context.js';
import { ExternalError, messageOf } from '../base/errors.js';
import { withTimeout } from '../base/with-timeout.js';
import { pinnedKeys, selectSshMachines, sshAddress } from '../machines/openssh-client.js';
import type { InventoryHost } from '../machines/views/inventory.js';
import { openSshArguments } from '../ssh/openssh-config.js';
import { listNodes, type NodeRow } from './session.js';

interface InventoryInput {
  nodes: readonly string[];
  all: boolean;
  /** For the managers, which know roles and node labels. */
  timeoutMs: number;
}

/** From records, and from the swarm if there is one. @throws UserError for an unknown machine */
export async function listInventory(input: InventoryInput, context: Context): Promise<InventoryHost[]> {
  const machines = await selectSshMachines(input.nodes, context, input);
  if (machines.length === 0) return [];
  const pinned = await pinnedKeys(machines.map(sshTarget), context);
  const nodes = new Map((await knownNodes(input.timeoutMs, context)).map((node) => [node.name, node]));
  return machines.map((machine) => {
    const { name, driver, addresses, engine } = machine;
    const node = nodes.get(name);
    return {
      ...sshAddress(machine),
      cluster: context.cluster.name,
      driver,
      ...(addresses.private !== undefined && { privateAddress: addresses.private }),
      sshArguments: openSshArguments(sshTarget(machine), pinned),
      ...(node && { role: node.role }),
      labels: { ...parseLabels(engine?.labels), ...node?.labels },
    };
  });
}

/** A swarm that cannot be queried costs the roles, not the inventory. */
async function knownNodes(timeoutMs: number, context: Context): Promise<NodeRow[]> {
  try {
    return await withTimeout(timeoutMs, context.signal, (signal) =>
      listNodes(undefined, { ...context, signal }, { noWait: true }),
    );
  } catch (error) {
    context.signal.throwIfAborted();
    if (error instanceof ExternalError) context.reporter.warn(`no roles: ${messageOf(error)}`);
    return [];
  }
}

function parseLabels(labels: readonly string[] = []): Record<string, string> {
  return Object.fromEntries(
    labels.map((label) => {
      const [key = '', ...value] = label.split('=');
      return [key, value.join('=')];
    }),
  );
}
