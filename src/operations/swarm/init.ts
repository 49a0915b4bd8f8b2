import { UserError } from '../../errors.js';
import { clusterAddress, type Machine } from '../../machines/machine.js';
import { initializedMessage } from '../../swarm/messages.js';
import { managerPort } from '../../swarm/node.js';
import type { Context } from '../context.js';
import { membershipOf, withEngine } from './membership.js';

export interface SwarmInit {
  manager: string;
  nodeId: string;
  /** `host:port` that other nodes join at. */
  address: string;
  /** docker's own words. */
  message: string;
}

/** Begins a swarm on a machine; it becomes the active host where none is chosen yet. @throws UserError when it is in one already */
export async function initSwarm(machine: Machine, context: Context): Promise<SwarmInit> {
  const address = clusterAddress(machine);
  if (!address)
    throw new UserError(`${machine.name} has no address that other nodes could join at`, { hint: 'belt ls' });
  const nodeId = await withEngine(machine, context, async (api) => {
    const { state } = await membershipOf(api);
    if (state !== 'inactive') {
      throw new UserError(`${machine.name} is in a swarm already`, {
        hint: `see it: belt swarm ls ${machine.name}`,
      });
    }
    return String(
      await api.post('/swarm/init', { ListenAddr: `0.0.0.0:${managerPort}`, AdvertiseAddr: address }),
    );
  });
  if (!(await context.cluster.activeHost())) await context.cluster.setActiveHost(machine.name);
  return {
    manager: machine.name,
    nodeId,
    address: `${address}:${managerPort}`,
    message: initializedMessage(nodeId),
  };
}
