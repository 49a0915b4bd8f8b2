import type { Context } from '../app/context.js';
import type { Outcome } from '../app/fan-out.js';
import { runTasks } from '../app/run-tasks.js';
import type { NamedMember } from './model/members.js';
import { type LabelChange, parseLabels, withLabels } from './model/node-labels.js';
import { onMembers } from './select-nodes.js';
import { type Swarm, withSwarm } from './session.js';

export interface LabeledNode {
  nodeId: string;
  labels: Record<string, string>;
  already: boolean;
  message: string;
}

/** @throws UsageError without labels; UserError when no name is a node */
export async function labelNodes(
  words: readonly string[],
  context: Context,
): Promise<Outcome<LabeledNode>[]> {
  const { nodes, change } = parseLabels(words);
  return withSwarm({}, context, async (swarm) =>
    onMembers(nodes, await swarm.members(), context, (chosen) =>
      runTasks<LabeledNode, NamedMember>(
        chosen,
        {
          activity: 'labeled',
          doneText: ({ already }) => (already ? 'already labeled' : 'labeled'),
          run: ({ subject: member }) => labelMember(swarm, member, change),
        },
        context,
      ),
    ),
  );
}

async function labelMember(
  swarm: Swarm,
  { node, name }: NamedMember,
  change: LabelChange,
): Promise<LabeledNode> {
  let labels: Record<string, string> = {};
  const changed = await swarm.request((api) =>
    api.updateNode(node.id, (spec) => {
      labels = withLabels(spec.Labels ?? {}, change);
      return { ...spec, Labels: labels };
    }),
  );
  return { nodeId: node.id, labels, already: !changed, message: name };
}
