import { setTimeout as sleep } from 'node:timers/promises';
import { type EngineApi, EngineError } from '../../engine/api.js';
import { ExternalError, UserError } from '../../errors.js';
import { clusterAddress, type Machine } from '../../machines/machine.js';
import { joinedMessage, memberMessage } from '../../swarm/messages.js';
import { type Membership, managerPort, type Role, readNodes, readTokens } from '../../swarm/node.js';
import type { Context } from '../context.js';
import { fanOut, type Outcome } from '../fan-out.js';
import { membershipOf, withEngine } from './membership.js';

export interface JoinInput {
  manager: Machine;
  machines: readonly Machine[];
  role: Role;
  /** Called as each node ends, in the order in which they end. */
  onEnd: (name: string, outcome: Outcome<Joined>) => void;
}

export interface Joined {
  nodeId: string;
  role: Role;
  /** It was a member before. */
  already: boolean;
  /** docker's own words. */
  message: string;
}

/** How long a node may take from the engine's "still trying" to being a member. */
const joinTimeoutMs = 60_000;

/**
 * Makes machines members of a manager's swarm: workers at the same time, managers one after the other, since each changes the
 * quorum. A machine that is a member already stays one.
 * @throws UserError when the manager is none
 */
export async function joinSwarm(
  { manager, machines, role, onEnd }: JoinInput,
  context: Context,
): Promise<Outcome<Joined>[]> {
  return withEngine(manager, context, async (managerApi) => {
    const invitation = await invite(manager, role, managerApi);
    const byName = new Map(machines.map((machine) => [machine.name, machine]));
    const work = (name: string): Promise<Joined> =>
      joinOne(byName.get(name) as Machine, invitation, managerApi, context);
    return fanOut([...byName.keys()], work, {
      signal: context.signal,
      ...(role === 'manager' && { limit: 1 }),
      onEnd: (name, outcome) => onEnd(name, outcome as Outcome<Joined>),
    });
  });
}

/** What a joining node needs to know. The token stays in memory. */
interface Invitation {
  role: Role;
  token: string;
  managers: string[];
}

async function invite(manager: Machine, role: Role, api: EngineApi): Promise<Invitation> {
  const membership = await membershipOf(api);
  if (!membership.manager) throw notAManager(manager.name, membership);
  const tokens = readTokens(await api.get('/swarm'));
  return { role, token: tokens[role], managers: membership.managers };
}

function notAManager(name: string, { state }: Membership): UserError {
  if (state === 'inactive')
    return new UserError(`${name} is in no swarm`, { hint: `begin one: belt swarm init ${name}` });
  return new UserError(`${name} is a worker of its swarm, not a manager`, {
    hint: `see the managers: belt swarm ls`,
  });
}

async function joinOne(
  machine: Machine,
  invitation: Invitation,
  managerApi: EngineApi,
  context: Context,
): Promise<Joined> {
  return withEngine(machine, context, async (api) => {
    const found = await membershipOf(api);
    // An earlier run may have been interrupted while the engine went on joining.
    const before = found.state === 'pending' ? await waitUntilMember(machine.name, api, context) : found;
    if (before.state !== 'inactive') return memberAlready(machine.name, before, managerApi);
    await askToJoin(machine, invitation, api);
    const { nodeId } = await waitUntilMember(machine.name, api, context);
    return { nodeId, role: invitation.role, already: false, message: joinedMessage(invitation.role) };
  });
}

/** The manager's word decides whether the swarm it is in is this one. */
async function memberAlready(
  name: string,
  { nodeId, state, error }: Membership,
  managerApi: EngineApi,
): Promise<Joined> {
  if (state === 'locked' || state === 'error') {
    throw new UserError(`the swarm membership of ${name} is in state "${state}"${error && `: ${error}`}`, {
      hint: `take it out: belt --host ${name} docker swarm leave --force`,
    });
  }
  const node = readNodes(await managerApi.get('/nodes')).find(({ id }) => id === nodeId);
  if (!node) {
    throw new UserError(`${name} is in another swarm already`, {
      hint: `take it out first: belt --host ${name} docker swarm leave`,
    });
  }
  return { nodeId, role: node.role, already: true, message: memberMessage(node.role) };
}

async function askToJoin(machine: Machine, { token, managers }: Invitation, api: EngineApi): Promise<void> {
  const request = {
    ListenAddr: `0.0.0.0:${managerPort}`,
    AdvertiseAddr: clusterAddress(machine),
    RemoteAddrs: managers,
    JoinToken: token,
  };
  try {
    await api.post('/swarm/join', request);
  } catch (error) {
    if (!isStillTrying(error)) throw error;
  }
}

/** The engine gives the call up after 20 s and goes on joining: moby, daemon/cluster/errors.go (`errSwarmJoinTimeoutReached`). */
function isStillTrying(error: unknown): boolean {
  return error instanceof EngineError && /timeout was reached before node joined/i.test(error.message);
}

async function waitUntilMember(name: string, api: EngineApi, { signal }: Context): Promise<Membership> {
  const deadline = Date.now() + joinTimeoutMs;
  for (;;) {
    const membership = await membershipOf(api);
    if (membership.state === 'active') return membership;
    if (membership.error) throw new ExternalError(`${name} could not join: ${membership.error}`);
    if (Date.now() > deadline) {
      throw new ExternalError(`${name} is still "${membership.state}" after ${joinTimeoutMs / 1000} s`, {
        hint: 'it goes on trying; see whether it came: belt swarm ls',
      });
    }
    await sleep(250, undefined, { signal });
  }
}
