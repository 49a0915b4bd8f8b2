import { type LabelChange, parseLabels, withLabels } from '../../../swarm/labels.js';
import type { Context } from '../../context.js';
import { onEach } from '../../each.js';
import type { Outcome } from '../../fan-out.js';
import { changeNode } from '../change-node.js';
import { type NamedMember, selectMembers } from '../select.js';
import { type Swarm, withSwarm } from '../view.js';

export interface Labelled {
  nodeId: string;
  labels: Record<string, string>;
  /** They were so before. */
  already: boolean;
  /** docker's own words. */
  message: string;
}

/**
 * Sets and takes away the labels of nodes.
 * @param words nodes, `key=value`, `key-`
 * @throws UsageError when there is no label; UserError when a node is not there
 */
export async function labelNodes(words: readonly string[], context: Context): Promise<Outcome<Labelled>[]> {
  const { nodes, change } = parseLabels(words);
  return withSwarm({}, context, async (swarm) =>
    onEach<Labelled, NamedMember>(
      await selectMembers(nodes, await swarm.members(), context),
      {
        what: 'labelled',
        doneText: ({ already }) => (already ? 'has these labels already' : 'labelled'),
        run: (member) => labelMember(swarm, member, change),
      },
      context,
    ),
  );
}

async function labelMember(
  swarm: Swarm,
  { node, name }: NamedMember,
  change: LabelChange,
): Promise<Labelled> {
  let labels: Record<string, string> = {};
  const changed = await changeNode(swarm, node.id, (spec) => {
    labels = withLabels(spec.Labels ?? {}, change);
    return { ...spec, Labels: labels };
  });
  return { nodeId: node.id, labels, already: !changed, message: name };
}
