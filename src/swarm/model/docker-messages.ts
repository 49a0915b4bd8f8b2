import type { Role } from './swarm-node.js';

/** Messages of docker/cli, cli/command: scripts may depend on them. */

export function initializedMessage(nodeId: string): string {
  return `Swarm initialized: current node (${nodeId}) is now a manager.`;
}

export function joinedMessage(role: Role): string {
  return `This node joined a swarm as a ${role}.`;
}

/** docker reports an error here. */
export function alreadyMemberMessage(role: Role): string {
  return `This node is already part of the swarm as a ${role}.`;
}

export function promotedMessage(node: string): string {
  return `Node ${node} promoted to a manager in the swarm.`;
}

export function demotedMessage(node: string): string {
  return `Manager ${node} demoted in the swarm.`;
}

export const leftMessage = 'Node left the swarm.';

/** docker reports an error here (moby, daemon/cluster/errors.go). */
export const notInSwarmMessage = 'This node is not part of a swarm';

export function unlockKeyText(key: string): string {
  return `To unlock a swarm manager after it restarts, run the \`docker swarm unlock\`
command and provide the following key:

    ${key}

Remember to store this key in a password manager, since without it you
will not be able to restart the manager.`;
}

export function joinCommandText(role: Role, token: string, address: string): string {
  return `To add a ${role} to this swarm, run the following command:

    docker swarm join --token ${token} ${address}
`;
}

export function rotatedTokenText(role: Role): string {
  return `Successfully rotated ${role} join token.`;
}

export const rotatedKeyText = 'Successfully rotated manager unlock key.';

export const updatedMessage = 'Swarm updated.';
