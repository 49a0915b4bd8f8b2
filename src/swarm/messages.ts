import type { Role } from './node.js';

/**
 * docker's own words for what happened to a node, since people and scripts look for them
 * (https://github.com/docker/cli, cli/command/swarm/init.go and join.go).
 */

export function initializedMessage(nodeId: string): string {
  return `Swarm initialized: current node (${nodeId}) is now a manager.`;
}

export function joinedMessage(role: Role): string {
  return `This node joined a swarm as a ${role}.`;
}

/** Docker says "This node is already part of a swarm" and calls it an error; joining the same swarm again is none here. */
export function memberMessage(role: Role): string {
  return `This node is already part of the swarm as a ${role}.`;
}
