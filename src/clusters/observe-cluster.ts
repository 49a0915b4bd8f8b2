import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../app/context.js';
import { queryAll } from '../app/fan-out.js';
import { ExternalError, isAbort, UserError } from '../base/errors.js';
import { observe } from '../machines/list-machines.js';
import type { Machine } from '../machines/model/machine.js';
import { NoSwarmError } from '../swarm/find-manager.js';
import { membershipOf, withEngineWithin } from '../swarm/membership.js';
import type { Member } from '../swarm/model/members.js';
import type { Membership } from '../swarm/model/swarm-node.js';
import { withSwarm } from '../swarm/session.js';
import type { Cluster, Present } from './model/compare.js';
import { presentOf, type SeenMachine } from './model/current-state.js';
import type { Group } from './model/group.js';

/** What there is of a cluster now. */
export interface Observation {
  cluster: Cluster;
  /** All that are recorded. */
  machines: ReadonlyMap<string, Machine>;
  /** Why the swarm cannot be looked at; absent where it can. */
  obstacle?: Error;
}

/** A machine that does not answer within this is taken at its managers' word. */
const answerTimeoutMs = 5_000;
/**
 * Managers take a node for ready until it has missed three heartbeats of 5 s (swarmkit,
 * manager/dispatcher).
 */
const lostAfterMs = 30_000;

/**
 * Asks the providers for the machines, and a manager for the swarm. A node that was destroyed a
 * moment ago, and that the managers take for ready, is waited for until they know.
 * @throws UserError for a damaged record, and for what only the person can sort out; ExternalError
 * when a provider does not answer
 */
export async function observeCluster(groups: readonly Group[], context: Context): Promise<Observation> {
  const deadline = Date.now() + lostAfterMs;
  for (let isFirst = true; ; isFirst = false) {
    const observation = await look(groups, context);
    const stranger = strangerAmong(groups, observation);
    if (!stranger) return observation;
    if (Date.now() > deadline) throw strangerError(stranger, observation);
    if (isFirst)
      context.reporter.note(`${stranger.name} is no longer a machine; waiting for its swarm to notice`);
    await sleep(1_000, undefined, { signal: context.signal });
  }
}

async function look(groups: readonly Group[], context: Context): Promise<Observation> {
  const { machines, damaged } = await context.cluster.machines();
  for (const { error } of damaged) throw error;
  refuseOtherDrivers(groups, machines);
  const seen = await seenMachines(machines, context);
  const { swarm, members, obstacle } = await lookAtSwarm(context);
  return {
    cluster: { swarm, present: presentOf(seen, await withoutMistaken(members, seen, context)) },
    machines: new Map(machines.map((machine) => [machine.name, machine])),
    ...(obstacle && { obstacle }),
  };
}

async function seenMachines(machines: readonly Machine[], context: Context): Promise<SeenMachine[]> {
  const rows = await observe(machines, context);
  for (const { machine, state, error } of rows) {
    if (state === 'error' && error !== undefined && machine.phase === 'ready')
      throw new ExternalError(`${machine.driver} does not tell of its machines: ${error}`);
  }
  return rows;
}

interface SwarmLook {
  swarm: Cluster['swarm'];
  members: Member[];
  obstacle?: Error;
}

async function lookAtSwarm(context: Context): Promise<SwarmLook> {
  try {
    return { swarm: 'there', members: await withSwarm({}, context, (swarm) => swarm.members()) };
  } catch (error) {
    if (error instanceof NoSwarmError) return { swarm: 'none', members: [] };
    if (isAbort(error) || !(error instanceof ExternalError || error instanceof UserError)) throw error;
    return { swarm: 'unknown', members: [], obstacle: error };
  }
}

function refuseOtherDrivers(groups: readonly Group[], machines: readonly Machine[]): void {
  const byName = new Map(machines.map((machine) => [machine.name, machine]));
  for (const { name: group, origin, nodes, driver } of groups) {
    const other = nodes
      .map((name) => byName.get(name))
      .find((machine) => machine && machine.driver !== driver);
    if (!other) continue;
    throw new UserError(
      `${other.name} is a machine of ${other.driver}, and ${group} (${origin}) wants ${driver}`,
      {
        hint: `name its driver in the group, or remove it first: belt rm ${other.name}`,
      },
    );
  }
}

/**
 * The members, less the machines that are mistaken for nodes which others left behind under their
 * address or their name. Only the machine itself knows which node it is; it is asked where there is
 * a doubt.
 */
async function withoutMistaken(
  members: readonly Member[],
  seen: readonly SeenMachine[],
  context: Context,
): Promise<Member[]> {
  const running = new Set(seen.flatMap(({ machine, state }) => (state === 'running' ? [machine.name] : [])));
  const doubtful = members.flatMap(({ node, machine }) =>
    machine && running.has(machine.name) && (node.status !== 'ready' || node.hostname !== machine.name)
      ? [machine]
      : [],
  );
  const ids = await nodeIdsOf(doubtful, context);
  return members.map(({ node, machine }) => {
    const id = machine && ids.get(machine.name);
    return !machine || (id !== undefined && id !== node.id) ? { node } : { node, machine };
  });
}

/**
 * Which node each machine is by its own word, empty where it is none; those that do not answer are
 * left out.
 */
async function nodeIdsOf(machines: readonly Machine[], context: Context): Promise<Map<string, string>> {
  const query = (machine: Machine): Promise<Membership> =>
    withEngineWithin(machine, answerTimeoutMs, context, (api, signal) => membershipOf(api, { signal }));
  const { answers } = await queryAll(machines, query, context.signal);
  return new Map(answers.map(({ subject, value }) => [subject.name, value.nodeId]));
}

/** A wanted node without a machine: creating the machine would add a second node of that name. */
function strangerAmong(groups: readonly Group[], { cluster }: Observation): Present | undefined {
  const wanted = new Set(groups.flatMap(({ nodes }) => nodes));
  return cluster.present.find(
    ({ name, machine, node }) => node && wanted.has(name) && (!machine || machine.state === 'missing'),
  );
}

function strangerError({ name }: Present, { machines }: Observation): UserError {
  const machine = machines.get(name);
  if (!machine) {
    return new UserError(`the swarm has a node ${name} that is not a machine of this cluster`, {
      hint: `take it out of the swarm (belt swarm rm ${name}), or give the machine another name`,
    });
  }
  return new UserError(`${machine.driver} knows no machine ${name}, yet it answers in the swarm`, {
    hint: 'the settings of the driver may be those of another place: belt cluster config',
  });
}
