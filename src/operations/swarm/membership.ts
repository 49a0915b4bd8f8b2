import type { EngineApi } from '../../engine/api.js';
import type { Machine } from '../../machines/machine.js';
import { type Membership, readMembership } from '../../swarm/node.js';
import type { Context } from '../context.js';
import { engineOf } from '../engine/connect.js';
import { reach } from '../machines/reach.js';

/** Does some work with a machine's engine and closes the way to it. */
export async function withEngine<T>(
  machine: Machine,
  context: Context,
  work: (api: EngineApi) => Promise<T>,
): Promise<T> {
  const api = engineOf(await reach(machine, context));
  try {
    return await work(api);
  } finally {
    api.close();
  }
}

/** What the machine's engine says of its place in a swarm. */
export async function membershipOf(api: EngineApi): Promise<Membership> {
  return readMembership(await api.get('/info'));
}
