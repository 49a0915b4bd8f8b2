import type { Context } from '../app/context.js';
import type { Machine } from '../machines/model/machine.js';
import type { SwarmNode } from './model/swarm-node.js';
import { withSwarm } from './session.js';

export type { SwarmNode };

/**
 * @param manager default: the active machine, else any manager
 * @throws UserError when the machine is not a manager, or there is no swarm
 */
export function listNodes(manager: Machine | undefined, context: Context): Promise<SwarmNode[]> {
  return withSwarm({ manager }, context, (swarm) => swarm.nodes());
}
