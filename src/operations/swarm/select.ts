import { UserError } from '../../errors.js';
import type { Machine } from '../../machines/machine.js';
import { selectNames } from '../../machines/patterns.js';
import { type Member, memberName } from '../../swarm/members.js';
import type { Context } from '../context.js';

/** A member under the name that commands take. */
export type NamedMember = Member & { name: string };

export function named(members: readonly Member[]): NamedMember[] {
  return members.map((member) => ({ ...member, name: memberName(member) }));
}

/**
 * The nodes of the swarm that NODES names: by their machines, and those that are no machine of belt's by their host names. Where several
 * nodes have a name, it means the one that is there.
 * @throws UserError naming a machine that is no node of the swarm, or all that do not exist
 */
export async function selectMembers(
  nodes: readonly string[],
  members: readonly Member[],
  context: Context,
  { all = false } = {},
): Promise<NamedMember[]> {
  const { chosen, outside } = await selectWithOutside(nodes, members, context, { all });
  const [stranger] = outside;
  if (!stranger) return chosen;
  throw new UserError(`${stranger.name} is no node of the swarm`, { hint: 'see the nodes: belt swarm ls' });
}

/** As `selectMembers`, and apart from them the machines that are no nodes of the swarm. @throws UserError naming all that do not exist */
export async function selectWithOutside(
  nodes: readonly string[],
  members: readonly Member[],
  { cluster }: Context,
  { all = false } = {},
): Promise<{ chosen: NamedMember[]; outside: Machine[] }> {
  const byName = new Map(
    named(members)
      .toReversed()
      .toSorted(byPresence)
      .map((member) => [member.name, member]),
  );
  const { machines } = await cluster.machines();
  const outside = machines.filter(({ name }) => !byName.has(name));
  const inOrder = [...new Set(named(members).map(({ name }) => name))];
  const names = selectNames(nodes, all ? inOrder : [...inOrder, ...outside.map(({ name }) => name)], { all });
  return {
    chosen: names.flatMap((name) => byName.get(name) ?? []),
    outside: outside.filter(({ name }) => names.includes(name)),
  };
}

/** Those that are there last, so that they win their name. */
function byPresence(one: NamedMember, other: NamedMember): number {
  return presence(one) - presence(other);
}

function presence({ node, machine }: NamedMember): number {
  return (machine ? 2 : 0) + (node.status === 'ready' ? 1 : 0);
}
