import { UserError } from '../../errors.js';
import type { Machine } from '../../machines/machine.js';
import { readNodes, type SwarmNode } from '../../swarm/node.js';
import type { Context } from '../context.js';
import { membershipOf, withEngine } from './membership.js';

export type { SwarmNode };

/** The swarm's nodes as a manager knows them. @throws UserError when the machine is no manager */
export async function listNodes(manager: Machine, context: Context): Promise<SwarmNode[]> {
  return withEngine(manager, context, async (api) => {
    const membership = await membershipOf(api);
    if (membership.manager) return readNodes(await api.get('/nodes'));
    if (membership.state === 'inactive') {
      throw new UserError(`${manager.name} is in no swarm`, {
        hint: `begin one: belt swarm init ${manager.name}`,
      });
    }
    throw new UserError(`${manager.name} is a worker; only managers know the nodes`, {
      hint: `ask a manager: belt swarm ls NODE (managers: ${membership.managers.join(', ')})`,
    });
  });
}
