import type { Context } from '../app/context.js';
import type { Machine } from '../machines/model/machine.js';
import type { SwarmNode } from './model/swarm-node.js';
import { withSwarm } from './session.js';

export type { SwarmNode };

/**
 * The swarm's nodes as a manager knows them.
 * @param manager absent: the active machine, or another that answers as a manager
 * @throws UserError when the machine is no manager, or there is no swarm
 */
export function listNodes(manager: Machine | undefined, context: Context): Promise<SwarmNode[]> {
  return withSwarm({ manager }, context, (swarm) => swarm.nodes());
}
