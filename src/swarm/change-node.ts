import { EngineError } from '../engine/api.js';
import type { Role } from './model/swarm-node.js';
import type { Swarm } from './session.js';

/**
 * What a manager may be told of a node (https://docs.docker.com/reference/api/engine/,
 * `NodeUpdate`).
 */
export interface NodeSpec {
  Name?: string;
  Role: Role;
  Availability: 'active' | 'pause' | 'drain';
  Labels?: Record<string, string>;
}

/**
 * Somebody else may change the node between the look and the change; more often than this in a row
 * is nobody by chance.
 */
const attempts = 10;

/**
 * Changes what the swarm's managers hold of a node, on top of whatever it is by then.
 * @returns whether it was different
 * @throws EngineError when the swarm refuses; ExternalError when no manager answers
 */
export async function changeNode(
  swarm: Swarm,
  nodeId: string,
  change: (spec: NodeSpec) => NodeSpec,
): Promise<boolean> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await swarm.ask(async (api) => {
        const node = (await api.get(`/nodes/${nodeId}`)) as { Version: { Index: number }; Spec: NodeSpec };
        const wanted = change(node.Spec);
        if (JSON.stringify(wanted) === JSON.stringify(node.Spec)) return false;
        await api.post(`/nodes/${nodeId}/update?version=${node.Version.Index}`, wanted);
        return true;
      });
    } catch (error) {
      if (attempt === attempts || !isOutOfSequence(error)) throw error;
    }
  }
}

/** swarmkit, manager/state/store: `update out of sequence`. */
export function isOutOfSequence(error: unknown): boolean {
  return error instanceof EngineError && /out of sequence/i.test(error.message);
}
