import type { Context } from '../app/context.js';
import { inOrderOf, type Outcome } from '../app/fan-out.js';
import { onEach } from '../app/for-each-machine.js';
import { whileSwarmClaimed } from '../app/with-claim.js';
import { ExternalError, isAbort, messageOf, UserError } from '../base/errors.js';
import { waitUntilClear } from '../base/poll.js';
import { type EngineApi, EngineError } from '../engine/api.js';
import type { Machine } from '../machines/model/machine.js';
import { selectMachines } from '../machines/select-machines.js';
import { changeRole, demoteAmong, sortForDemotion } from './change-roles.js';
import { membershipOf, waitForOwnRole, withEngine } from './membership.js';
import { leftMessage, notInSwarmMessage } from './model/docker-messages.js';
import type { NamedMember } from './model/members.js';
import type { Membership } from './model/swarm-node.js';
import { NoQuorumError } from './require-quorum.js';
import { selectWithOutside } from './select-nodes.js';
import { type Swarm, withSwarm } from './session.js';

export interface LeftNode {
  /** Absent: the machine was in no swarm before. */
  nodeId?: string;
  /** docker's own words. */
  message: string;
}

export interface LeaveOptions {
  /** Whatever it does to the quorum. */
  force: boolean;
  /** Whether the whole swarm, of so many nodes, is to be dissolved; asked when all of them are named. */
  confirm: (nodes: number) => Promise<boolean>;
}

/** The engine stops the containers of its tasks first, which may take as long as they are given for it. */
const leaveTimeoutMs = 120_000;

/**
 * Takes nodes out of their swarm: managers are made workers first, one after the other, the leader last; then all leave at the same time,
 * and no entry of theirs stays behind. Machines that are in no swarm stay so. With `force` nodes leave also where no manager answers, or
 * too few do.
 * @throws UserError when a node is not there; unless `force`, when the others would have no manager, or, with the numbers, when the swarm
 * would lose its quorum or its last manager to spare
 */
export async function leaveSwarm(
  nodes: readonly string[],
  leave: LeaveOptions,
  context: Context,
): Promise<Outcome<LeftNode>[]> {
  let found = false;
  try {
    return await withSwarm({}, context, (swarm) => {
      found = true;
      return leaveThroughSwarm(swarm, nodes, leave, context);
    });
  } catch (error) {
    // A manager that has lost its quorum may not know it yet.
    if ((found && !(error instanceof NoQuorumError)) || !leave.force || isAbort(error)) throw error;
    context.reporter.warn(`${messageOf(error)}; --force: the nodes leave without a word to the others`);
    return leaveWithoutManagers(await selectMachines(nodes, context), context);
  }
}

async function leaveThroughSwarm(
  swarm: Swarm,
  nodes: readonly string[],
  { force, confirm }: LeaveOptions,
  context: Context,
): Promise<Outcome<LeftNode>[]> {
  const members = await swarm.members();
  const { chosen, outside } = await selectWithOutside(nodes, members, context);
  const ids = new Set(chosen.map(({ node }) => node.id));
  const staying = members.filter(({ node }) => !ids.has(node.id));
  if (staying.length === 0) {
    if (!(await confirm(chosen.length))) return chosen.map(({ name }) => ({ name, status: 'skipped' }));
    return [...(await dissolve(chosen, context)), ...(await leaveOutside(outside, { force }, context))];
  }
  if (!staying.some(({ node }) => node.role === 'manager')) {
    const objection = noManagerLeft(staying.length);
    if (!force) throw objection;
    context.reporter.warn(
      `${objection.message}; --force: the swarm's services, secrets and configs are lost; what the others run goes on, and can be changed no more`,
    );
    const left = await whileSwarmClaimed('changed', context, () => dissolve(chosen, context));
    return [...left, ...(await leaveOutside(outside, { force }, context))];
  }
  const { workers, failed } = await demoteAmong(swarm, chosen, { force }, context);
  const left = await leaveEach(swarm, workers, context);
  return [
    ...inOrderOf(
      chosen.map(({ name }) => name),
      [...left, ...failed],
    ),
    ...(await leaveOutside(outside, { force }, context)),
  ];
}

/**
 * Whoever has left before is done; whoever is in another swarm was not meant, unless `force`: so a manager that was lost when its swarm was
 * recovered is made free for it.
 */
function leaveOutside(
  machines: readonly Machine[],
  { force }: { force: boolean },
  context: Context,
): Promise<Outcome<LeftNode>[]> {
  return leaveMachines(machines, context, async ({ name }, { state }, api) => {
    if (state === 'inactive') return;
    if (force) {
      context.reporter.warn(`${name} is no node of the active machine's swarm; --force: it leaves its own`);
      return leaveByForce(api, context);
    }
    throw new UserError(`${name} is no node of the active machine's swarm`, {
      hint: `have it leave its own: belt swarm leave --force ${name}`,
    });
  });
}

function leaveWithoutManagers(machines: readonly Machine[], context: Context): Promise<Outcome<LeftNode>[]> {
  return leaveMachines(machines, context, (_machine, _membership, api) => leaveByForce(api, context));
}

function leaveMachines(
  machines: readonly Machine[],
  context: Context,
  work: (machine: Machine, membership: Membership, api: EngineApi) => Promise<void>,
): Promise<Outcome<LeftNode>[]> {
  const run = (machine: Machine): Promise<LeftNode> =>
    withEngine(machine, context, async (api) => {
      const membership = await membershipOf(api);
      await work(machine, membership, api);
      return membership.state === 'inactive'
        ? { message: notInSwarmMessage }
        : { nodeId: membership.nodeId, message: leftMessage };
    });
  return onEach<LeftNode>(
    machines,
    { what: 'taken out of its swarm', doneText: ({ nodeId }) => (nodeId ? 'left' : 'is in no swarm'), run },
    context,
  );
}

export function noManagerLeft(staying: number): UserError {
  return new UserError(`the ${staying} nodes that stay would have no manager`, {
    hint: 'make one of them a manager first: belt swarm promote NODE; or name all nodes, to dissolve the swarm',
  });
}

function leaveEach(swarm: Swarm, members: readonly NamedMember[], context: Context): Promise<Outcome<LeftNode>[]> {
  return onEach<LeftNode, NamedMember>(
    members,
    {
      what: 'taken out of its swarm',
      doneText: () => 'left',
      run: (member, step) => leaveMember(swarm, member, step, context),
    },
    context,
  );
}

/** Has all leave, or all managers. The end of a swarm needs no votes: workers leave first, then the managers, the leader last. */
async function dissolve(members: readonly NamedMember[], context: Context): Promise<Outcome<LeftNode>[]> {
  const work = {
    what: 'taken out of its swarm',
    doneText: () => 'left',
    run: async (member: NamedMember, step: (text: string) => void): Promise<LeftNode> => {
      await requestLeave(member, { force: true }, step, context);
      return { nodeId: member.node.id, message: leftMessage };
    },
  };
  const gone = members.filter(({ node, machine }) => !machine && node.status === 'down');
  const present = members.filter((member) => !gone.includes(member));
  const workers = present.filter(({ node }) => node.role === 'worker');
  const managers = sortForDemotion(present.filter(({ node }) => node.role === 'manager'));
  const outcomes = [
    ...gone.map(({ name, node }) => ({
      name,
      status: 'ok' as const,
      value: { nodeId: node.id, message: leftMessage },
    })),
    ...(await onEach<LeftNode, NamedMember>(workers, work, context)),
    ...(await onEach<LeftNode, NamedMember>(managers, { ...work, limit: 1 }, context)),
  ];
  return inOrderOf(
    members.map(({ name }) => name),
    outcomes,
  );
}

/**
 * Has a worker leave its swarm, and removes its entry there. What of that is done already is no error.
 * @throws UserError when the node is no machine of belt's, or in another swarm by now; ExternalError when it does not answer
 */
export async function leaveMember(
  swarm: Swarm,
  member: NamedMember,
  step: (text: string) => void,
  context: Context,
): Promise<LeftNode> {
  await requestLeave(member, { force: false }, step, context);
  step('removing its entry');
  await removeEntry(swarm, member.node.id, { force: true });
  return { nodeId: member.node.id, message: leftMessage };
}

/** @param force leave as a manager too, with no word to the others */
async function requestLeave(
  { node, machine, name }: NamedMember,
  { force }: { force: boolean },
  step: (text: string) => void,
  context: Context,
): Promise<void> {
  step('leaving');
  await withEngine(machineOf(name, machine), context, async (api) => {
    const { state, nodeId } = await membershipOf(api);
    if (state === 'inactive') return;
    if (nodeId !== '' && nodeId !== node.id) throw elsewhere(name, node.id);
    if (!force) await waitForOwnRole(name, 'worker', api, context);
    // One that is locked, or never came in, does not leave otherwise.
    const forced = force || state !== 'active';
    await leaveEngine(api, forced, context);
  });
}

/** Takes an engine out of whatever swarm it is in, or tries to get into, with no word to the others; one in none stays so. */
export async function leaveByForce(api: EngineApi, context: Context): Promise<void> {
  if ((await membershipOf(api)).state !== 'inactive') await leaveEngine(api, true, context);
}

/**
 * Takes out a manager that the others count, and that does not take part. It is made a worker first: one that leaves with no word to the
 * others goes on counting for the quorum.
 * @throws ExternalError when the managers do not make it a worker; it has not left then
 */
export async function removeManager(
  swarm: Swarm,
  member: NamedMember,
  api: EngineApi,
  step: (text: string) => void,
  context: Context,
): Promise<void> {
  step('making it a worker');
  await changeRole(swarm, member, 'worker', step, context);
  await leaveByForce(api, context);
  await removeEntry(swarm, member.node.id, { force: true });
}

/** The engine gives up after 15 s (moby, daemon/cluster/noderunner.go), and goes on when it is asked again. */
async function leaveEngine(api: EngineApi, force: boolean, { signal }: Context): Promise<void> {
  const look = async (): Promise<string | undefined> => {
    try {
      await api.post(`/swarm/leave?force=${force}`, undefined, { timeoutMs: leaveTimeoutMs, signal });
      return undefined;
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      if ((await membershipOf(api)).state === 'inactive') return undefined;
      if (!/deadline exceeded/i.test(error.message)) throw error;
      return error.message;
    }
  };
  await waitUntilClear(
    look,
    { timeoutMs: leaveTimeoutMs, signal },
    (obstacle) => new ExternalError(`it has not left after ${leaveTimeoutMs / 1000} s: ${obstacle}`),
  );
}

function machineOf(name: string, machine: Machine | undefined): Machine {
  if (machine) return machine;
  throw new UserError(`${name} is no machine of belt's, so that it cannot be told to leave`, {
    hint: `run "docker swarm leave" there; or remove its entry: belt swarm rm --force ${name}`,
  });
}

function elsewhere(name: string, nodeId: string): UserError {
  return new UserError(`${name} is the node ${nodeId} no longer: it has joined anew, or another swarm`, {
    hint: `remove the old entry: belt swarm rm ${name}`,
  });
}

/** Removes a node from the swarm's list; `force`: even one that is there. One that is not listed is no error. */
export async function removeEntry(
  swarm: Swarm,
  nodeId: string,
  { force }: { force: boolean },
): Promise<void> {
  try {
    await swarm.ask((api) => api.delete(`/nodes/${nodeId}?force=${force}`));
  } catch (error) {
    if (!(error instanceof EngineError && error.status === 404)) throw error;
  }
}
