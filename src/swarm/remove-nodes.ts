import type { Context } from '../app/context.js';
import { type Outcome, sortOutcomes } from '../app/fan-out.js';
import { runTasks } from '../app/run-tasks.js';
import { UserError } from '../base/errors.js';
import { demoteAmong } from './change-roles.js';
import { removeEntry } from './leave-swarm.js';
import { type Member, memberName, type NamedMember, named } from './model/members.js';
import { selectMembers } from './select-nodes.js';
import { withSwarm } from './session.js';

export interface Removed {
  nodeId: string;
  message: string;
}

/**
 * Also removes old entries of nodes that joined again; demotes managers first.
 * @throws UserError when a node is up, unless `force`, or when the swarm would lose its quorum
 */
export async function removeNodes(
  nodes: readonly string[],
  { force }: { force: boolean },
  context: Context,
): Promise<Outcome<Removed>[]> {
  return withSwarm({}, context, async (swarm) => {
    const members = await swarm.members();
    const chosen = await selectMembers(nodes, members, context);
    const entries = chosen.flatMap((member) => entriesOf(member, members, force));
    const { failed } = await demoteAmong(swarm, entries, { force }, context);
    const kept = new Set(failed.map(({ name }) => name));
    const removed = await runTasks<Removed, NamedMember>(
      chosen.filter(({ name }) => !kept.has(name)),
      {
        activity: 'removed from its swarm',
        doneText: () => 'removed',
        async run({ subject: { name, node } }) {
          for (const entry of entries.filter((candidate) => candidate.name === name))
            await removeEntry(swarm, entry.node.id, { force });
          return { nodeId: node.id, message: name };
        },
      },
      context,
    );
    return sortOutcomes(
      chosen.map(({ name }) => name),
      [...failed, ...removed],
    );
  });
}

function entriesOf(chosen: NamedMember, members: readonly Member[], force: boolean): NamedMember[] {
  const down = named(members).filter(
    ({ name, node }) => node.status === 'down' && (name === chosen.name || node.id === chosen.node.id),
  );
  if (down.length > 0) return down.map((entry) => ({ ...entry, name: chosen.name }));
  if (force) return [chosen];
  throw new UserError(`${chosen.name} is ${chosen.node.status}: only nodes that are down can be removed`, {
    hint: aliveHint(chosen, members),
  });
}

/** Until a swarm notices that a node has joined again, its old entry looks alive too. */
function aliveHint(chosen: NamedMember, members: readonly Member[]): string {
  const name = memberName(chosen);
  const entries = members.filter((member) => memberName(member) === name);
  const old = entries.filter(({ machine }) => machine === undefined);
  if (old.length > 0 && old.length < entries.length)
    return `belt swarm rm --force ${old.map(({ node }) => node.id).join(' ')}, to remove the old entry of ${name}`;
  return `belt swarm leave ${chosen.name}, or --force to remove its entry anyway`;
}
