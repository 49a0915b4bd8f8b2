import type { Context } from '../app/context.js';
import type { Outcome } from '../app/fan-out.js';
import { failTasks } from '../app/run-tasks.js';
import { UserError } from '../base/errors.js';
import type { Machine } from '../machines/model/machine.js';
import { matchNames, selectNames, unknownMachines } from '../machines/model/select-names.js';
import { type Member, type NamedMember, named } from './model/members.js';

/**
 * Nodes by ID, by machine name, or by host name when belt does not manage them. A ready node wins
 * its name.
 * @throws UserError naming machines outside the swarm, or missing ones
 */
export async function selectMembers(
  nodes: readonly string[],
  members: readonly Member[],
  context: Context,
  { all = false } = {},
): Promise<NamedMember[]> {
  const { chosen, outside } = await selectWithOutside(nodes, members, context, { all });
  const [stranger] = outside;
  if (stranger) throw notInSwarm(stranger.name);
  return chosen;
}

/** `outside`: machines outside the swarm. @throws UserError naming missing machines */
export async function selectWithOutside(
  nodes: readonly string[],
  members: readonly Member[],
  context: Context,
  { all = false } = {},
): Promise<{ chosen: NamedMember[]; outside: Machine[] }> {
  const candidates = await candidatesAmong(nodes, members, context);
  return candidates.of(
    selectNames(candidates.patterns, all ? candidates.inSwarm : candidates.names, { all }),
  );
}

/** Reports unknown names and continues with the others. @throws UserError when no name is a node */
export async function onMembers<T>(
  nodes: readonly string[],
  members: readonly Member[],
  context: Context,
  work: (chosen: readonly NamedMember[]) => Promise<Outcome<T>[]>,
): Promise<Outcome<T>[]> {
  const candidates = await candidatesAmong(nodes, members, context);
  const { found, unknown } = matchNames(candidates.patterns, candidates.names);
  const { chosen, outside } = candidates.of(found);
  if (chosen.length === 0) await selectMembers(nodes, members, context);
  const failures = new Map<string, Error>([
    ...outside.map(({ name }) => [name, notInSwarm(name)] as const),
    ...unknown.map((name) => [name, unknownMachines([name], candidates.names)] as const),
  ]);
  const failed = await failTasks(failures, context);
  return [...(await work(chosen)), ...failed];
}

interface Candidates {
  /** With names instead of IDs. */
  patterns: string[];
  inSwarm: string[];
  /** Includes machines outside the swarm. */
  names: string[];
  of(names: readonly string[]): { chosen: NamedMember[]; outside: Machine[] };
}

async function candidatesAmong(
  wanted: readonly string[],
  members: readonly Member[],
  { cluster }: Context,
): Promise<Candidates> {
  const byName = new Map<string, NamedMember>();
  for (const member of named(members).toReversed().toSorted(comparePresence)) byName.set(member.name, member);
  const inSwarm = [...new Set(named(members).map(({ name }) => name))];
  const patterns = wanted.map((pattern) => {
    const member = named(members).find(({ node }) => node.id === pattern);
    if (!member) return pattern;
    const isFirst = byName.get(member.name)?.node.id === pattern;
    const name = isFirst ? member.name : `${member.name} (${pattern})`;
    byName.set(name, { ...member, name });
    return name;
  });
  const { machines } = await cluster.machines();
  const outside = machines.filter(({ name }) => !byName.has(name));
  return {
    patterns,
    inSwarm,
    names: [...new Set([...inSwarm, ...byName.keys(), ...outside.map(({ name }) => name)])],
    of: (names) => ({
      chosen: names.flatMap((name) => byName.get(name) ?? []),
      outside: outside.filter(({ name }) => names.includes(name)),
    }),
  };
}

function notInSwarm(name: string): UserError {
  return new UserError(`${name} is not a node of the swarm`, { hint: 'belt swarm ls' });
}

/** Ready nodes last, so that they win their name. */
function comparePresence(one: NamedMember, other: NamedMember): number {
  return presence(one) - presence(other);
}

function presence({ node, machine }: NamedMember): number {
  return (machine ? 2 : 0) + (node.status === 'ready' ? 1 : 0);
}
