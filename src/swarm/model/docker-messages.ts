import type { Role } from './swarm-node.js';

/**
 * Docker's own messages, which people and scripts search for
 * (https://github.com/docker/cli, cli/command/swarm/init.go and join.go).
 */

export function initializedMessage(nodeId: string): string {
  return `Swarm initialized: current node (${nodeId}) is now a manager.`;
}

export function joinedMessage(role: Role): string {
  return `This node joined a swarm as a ${role}.`;
}

/** An error in docker; joining the same swarm again succeeds in belt. */
export function alreadyMemberMessage(role: Role): string {
  return `This node is already part of the swarm as a ${role}.`;
}

/** cli/command/node/promote.go */
export function promotedMessage(node: string): string {
  return `Node ${node} promoted to a manager in the swarm.`;
}

/** cli/command/node/demote.go */
export function demotedMessage(node: string): string {
  return `Manager ${node} demoted in the swarm.`;
}

/** cli/command/swarm/leave.go */
export const leftMessage = 'Node left the swarm.';

/** An error in moby (daemon/cluster/errors.go); leaving again succeeds in belt. */
export const notInSwarmMessage = 'This node is not part of a swarm';

/** cli/command/swarm/unlock_key.go */
export function unlockKeyText(key: string): string {
  return `To unlock a swarm manager after it restarts, run the \`docker swarm unlock\`
command and provide the following key:

    ${key}

Remember to store this key in a password manager, since without it you
will not be able to restart the manager.`;
}

/** cli/command/swarm/join_token.go */
export function joinCommandText(role: Role, token: string, address: string): string {
  return `To add a ${role} to this swarm, run the following command:

    docker swarm join --token ${token} ${address}
`;
}

/** cli/command/swarm/join_token.go */
export function rotatedTokenText(role: Role): string {
  return `Successfully rotated ${role} join token.`;
}

/** cli/command/swarm/unlock_key.go */
export const rotatedKeyText = 'Successfully rotated manager unlock key.';

/** cli/command/swarm/update.go */
export const updatedMessage = 'Swarm updated.';
