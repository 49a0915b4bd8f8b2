import type { Context } from '../app/context.js';
import { ExternalError, UserError } from '../base/errors.js';
import type { Machine } from '../machines/model/machine.js';
import { membershipOf, withEngineWithin } from './membership.js';
import { withSwarm } from './session.js';

const membershipTimeoutMs = 5_000;

/** Of the active machine's swarm, else of the only one. @throws as `withSwarm` */
export function findAnyManager(context: Context): Promise<Machine> {
  return withSwarm({}, context, async ({ manager }) => manager);
}

/** For a hint: undefined unless the machine is a worker whose managers are known and answer. */
export async function managerOfWorker(machine: Machine, context: Context): Promise<Machine | undefined> {
  try {
    const membership = await withEngineWithin(machine, membershipTimeoutMs, context, (api, signal) =>
      membershipOf(api, { signal }),
    );
    if (membership.state !== 'active' || membership.manager) return undefined;
    return await withSwarm({ noWait: true }, context, async (swarm) => {
      const isMember = (await swarm.nodes()).some(({ id }) => id === membership.nodeId);
      return isMember ? swarm.manager : undefined;
    });
  } catch (error) {
    if (error instanceof UserError || error instanceof ExternalError) return undefined;
    throw error;
  }
}
