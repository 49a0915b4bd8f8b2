import type { Context } from '../app/context.js';
import { joinCommandText, rotatedTokenText } from './model/docker-messages.js';
import { managerAddresses, type Role } from './model/swarm-node.js';
import { withSwarm } from './session.js';

export interface JoinToken {
  role: Role;
  /** A secret: it allows any host that reaches a manager to join. */
  token: string;
  /** `host:port` of a manager. */
  address: string;
  rotated: boolean;
  /** docker's own words. */
  message: string;
}

/** @param rotate replaces the token */
export async function joinToken(
  role: Role,
  { rotate }: { rotate: boolean },
  context: Context,
): Promise<JoinToken> {
  return withSwarm({}, context, async (swarm) => {
    const rotation = role === 'manager' ? 'rotateManagerToken' : 'rotateWorkerToken';
    if (rotate) await swarm.request((api) => api.updateSwarm((spec) => spec, rotation));
    const token = await swarm.request((api) => api.joinToken(role));
    const [address = ''] = managerAddresses(await swarm.nodes());
    const command = joinCommandText(role, token, address);
    const message = rotate ? `${rotatedTokenText(role)}\n\n${command}` : command;
    return { role, token, address, rotated: rotate, message };
  });
}
