import type { Context } from '../app/context.js';
import { ExternalError, messageOf, UserError } from '../base/errors.js';
import { waitUntilClear } from '../base/poll.js';
import { type EngineApi, EngineError } from '../engine/api.js';
import type { Machine } from '../machines/model/machine.js';
import type { NodeAvailability } from './change-availability.js';
import { type JoinDiagnosis, diagnoseJoin } from './diagnose-join.js';
import { isRetryableElsewhere } from './find-manager.js';
import { leaveByForce, removeManager } from './leave-swarm.js';
import { membershipOf, waitForOwnRole, withEngine } from './membership.js';
import { findManagerEntry } from './model/members.js';
import { chooseNodeAddresses } from './model/node-addresses.js';
import { type Membership, managerAddresses, type Role, type SwarmNode } from './model/swarm-node.js';
import { networkOf } from './node-network.js';
import type { Swarm } from './session.js';

/** What a joining node needs to know, and what all that join share. */
export interface JoinContext {
  swarm: Swarm;
  role: Role;
  availability?: NodeAvailability | undefined;
  /** The token as it was last seen; it stays in memory. */
  token: string;
  /** The token as it is now. */
  currentToken: () => Promise<string>;
  /** The swarm's nodes; asked once at a time for all that wait. */
  nodes: () => Promise<SwarmNode[]>;
}

/** A machine on its way into a swarm. */
export interface JoiningNode {
  machine: Machine;
  /** Counts those that join at the same time: each begins with another manager. */
  index: number;
  step: (text: string) => void;
}

export interface JoinedNode {
  nodeId: string;
  role: Role;
  /** It was a member before. */
  already: boolean;
}

/** In which a node has to come in, whatever managers do meanwhile: an election takes some 10 s, an engine's own patience is 20 s. */
const joinTimeoutMs = 120_000;
/** The engine said that it goes on; so long before somebody looks why. */
const shortWaitMs = 5_000;
/** ... and so long, when nothing seems to be in its way. */
const longWaitMs = 40_000;
const agreeTimeoutMs = 60_000;

/**
 * Makes a machine a member of a swarm, and waits until the node and the managers agree on it.
 * @throws UserError when it is in another swarm; EngineError when the swarm does not take it; ExternalError that names what stands in the
 * way
 */
export async function joinNode(joining: JoiningNode, joinContext: JoinContext, context: Context): Promise<JoinedNode> {
  return withEngine(joining.machine, context, async (api) => {
    const found = await membershipOf(api);
    const already = isMember(found);
    const nodeId = already ? found.nodeId : await new JoinAttempt(joining, joinContext, api, context).run(found);
    if (already) requireHealthy(joining.machine.name, found);
    joining.step('waiting until the managers see it');
    const role = await agreed(nodeId, already, joining, joinContext, context);
    if (role === 'manager') await waitForOwnRole(joining.machine.name, role, api, context);
    return { nodeId, role, already: already || found.state === 'pending' };
  });
}

/** A join that failed leaves the state `error` and no node behind: that one can be asked to join. */
function isMember({ state, nodeId }: Membership): boolean {
  return state === 'active' || state === 'locked' || (state === 'error' && nodeId !== '');
}

function requireHealthy(name: string, { state, error }: Membership): void {
  if (state === 'active') return;
  throw new UserError(`the swarm membership of ${name} is in state "${state}"${error && `: ${error}`}`, {
    hint:
      state === 'locked'
        ? `unlock it: belt swarm unlock ${name}`
        : `take it out: belt swarm leave --force ${name}`,
  });
}

/** The managers' word decides whether the swarm that the node is in is this one. */
async function agreed(
  nodeId: string,
  already: boolean,
  { machine: { name } }: JoiningNode,
  { nodes, role: asked }: JoinContext,
  { signal }: Context,
): Promise<Role> {
  let role = asked;
  const look = async (): Promise<string | undefined> => {
    const node = (await nodes()).find(({ id }) => id === nodeId);
    if (!node && already) throw elsewhere(name);
    if (!node) return 'do not list it';
    role = node.role;
    if (node.status !== 'ready') return `see it as ${node.status}`;
    const takesPart = role === 'worker' || node.reachability === 'reachable';
    return takesPart ? undefined : `see it as ${node.reachability ?? 'no manager'}`;
  };
  await waitUntilClear(
    look,
    { timeoutMs: agreeTimeoutMs, signal },
    (obstacle) =>
      new ExternalError(
        `${name} says that it has joined, and after ${agreeTimeoutMs / 1000} s the managers ${obstacle}`,
        { hint: 'see the nodes: belt swarm ls' },
      ),
  );
  return role;
}

function elsewhere(name: string): UserError {
  return new UserError(`${name} is in another swarm already`, {
    hint: `take it out first: belt --host ${name} docker swarm leave`,
  });
}

/** How an attempt stands. `failed`: a manager's fault, so that another may do. */
type JoinProgress = { state: 'member'; nodeId: string } | { state: 'trying' } | { state: 'failed'; error: Error };

/** The ways of one machine into a swarm: managers may go away while it joins, and their ports may be closed to it. */
class JoinAttempt {
  private readonly deadline = Date.now() + joinTimeoutMs;

  constructor(
    private readonly joining: JoiningNode,
    private readonly joinContext: JoinContext,
    private readonly api: EngineApi,
    private readonly context: Context,
  ) {}

  private get name(): string {
    return this.joining.machine.name;
  }

  /** @returns the id of the node that it has become */
  async run(found: Membership): Promise<string> {
    if (found.state === 'error') await this.abortJoin((await this.currentState()).counted);
    const begun = found.state === 'pending' ? found.managers[0] : undefined;
    if (begun !== undefined) await this.requireSameSwarm(begun);
    let address = begun ?? this.pick(await this.managers());
    let attempt = begun === undefined ? await this.tryAt(address) : await this.watch(shortWaitMs);
    while (attempt.state !== 'member') {
      this.joining.step(`looking why it does not get in at ${address}`);
      const diagnosis = await this.diagnose();
      const { answering } = diagnosis;
      if (answering.length === 0 || Date.now() > this.deadline) throw this.joinError(attempt, diagnosis);
      // The look took its time, and it may have come in meanwhile.
      const { found: now, counted } = await this.currentState();
      if (now.state === 'active') return now.nodeId;
      if (attempt.state === 'trying' && (counted || answering.includes(address))) {
        attempt = await this.watch(longWaitMs);
        if (attempt.state === 'trying') throw this.joinError(attempt, diagnosis);
        continue;
      }
      // A join that goes on, or has failed, is taken back before the next.
      await this.abortJoin(counted);
      address = this.pick(answering, address);
      attempt = await this.tryAt(address);
    }
    return attempt.nodeId;
  }

  /** As its engine sees itself now, and, where it is to be a manager, the entry with which the managers count it as one already. */
  private async currentState(): Promise<{ found: Membership; counted: SwarmNode | undefined }> {
    const { nodes, role } = this.joinContext;
    const listed = role === 'manager' ? await nodes() : [];
    // The engine is asked last: the managers may take long to answer.
    const found = await membershipOf(this.api);
    return { found, counted: findManagerEntry(listed, this.joining.machine, found.nodeId) };
  }

  private async abortJoin(counted: SwarmNode | undefined): Promise<void> {
    if (!counted) return leaveByForce(this.api, this.context);
    const { machine, step } = this.joining;
    const member = { node: counted, machine, name: this.name };
    await removeManager(this.joinContext.swarm, member, this.api, step, this.context);
  }

  /** Asks the engine to join; one that goes on by itself is watched for a while. */
  private async tryAt(address: string): Promise<JoinProgress> {
    this.joining.step(`joining at ${address}`);
    try {
      await this.ask(address);
    } catch (error) {
      if (error instanceof EngineError && isRetryableElsewhere(error)) return { state: 'failed', error };
      if (!isStillTrying(error)) throw error;
    }
    return this.watch(shortWaitMs);
  }

  /** The token may have been changed since it was read: then it is asked with the new one. */
  private async ask(address: string): Promise<void> {
    const { joinContext } = this;
    const { token } = joinContext;
    try {
      await this.post(address, token);
    } catch (error) {
      if (!(error instanceof EngineError) || isStillTrying(error) || isRetryableElsewhere(error)) throw error;
      joinContext.token = await joinContext.currentToken();
      if (joinContext.token === token) throw error;
      await this.post(address, joinContext.token);
    }
  }

  private async post(address: string, token: string): Promise<void> {
    const { machine } = this.joining;
    const { availability } = this.joinContext;
    const own = chooseNodeAddresses(machine, (await networkOf(machine, this.context)).addresses);
    const request = {
      ...(own && { ListenAddr: own.listen, AdvertiseAddr: own.advertise, DataPathAddr: own.dataPath }),
      // The engine takes the first only: moby, daemon/cluster/swarm.go.
      RemoteAddrs: [address],
      JoinToken: token,
      ...(availability !== undefined && { Availability: availability }),
    };
    await this.api.post('/swarm/join', request, { signal: this.context.signal });
  }

  private async watch(timeoutMs: number): Promise<JoinProgress> {
    let last: Membership | undefined;
    try {
      await waitUntilClear(
        async () => {
          last = await membershipOf(this.api);
          return last.state === 'pending' ? 'it is still joining' : undefined;
        },
        { timeoutMs, signal: this.context.signal },
        (obstacle) => new StillTrying(obstacle),
      );
    } catch (error) {
      if (!(error instanceof StillTrying)) throw error;
      return { state: 'trying' };
    }
    const { state = '', nodeId = '', error = '' } = last ?? {};
    if (state === 'active') return { state: 'member', nodeId };
    const failure = new EngineError(503, error || `its engine says "${state}"`);
    if (isRetryableElsewhere(failure)) return { state: 'failed', error: failure };
    throw new ExternalError(`${this.name} could not join: ${failure.message}`);
  }

  /** A join that another run began may lead elsewhere. */
  private async requireSameSwarm(address: string): Promise<void> {
    const nodes = await this.joinContext.nodes();
    if (nodes.some(({ managerAddress }) => managerAddress === address)) return;
    throw new UserError(`${this.name} is joining another swarm, at ${address}`, {
      hint: `take it back first: belt swarm leave --force ${this.name}`,
    });
  }

  private async managers(): Promise<string[]> {
    return managerAddresses(await this.joinContext.nodes());
  }

  /** Not the same again, where there are others; each that joins begins with another. */
  private pick(addresses: readonly string[], last?: string): string {
    const others = addresses.filter((address) => address !== last);
    const from = others.length > 0 ? others : addresses;
    const address = from[this.joining.index % from.length];
    if (address !== undefined) return address;
    throw new ExternalError('no manager of the swarm can be reached', {
      hint: 'see the nodes: belt swarm ls',
    });
  }

  private async diagnose(): Promise<JoinDiagnosis> {
    const { swarm } = this.joinContext;
    return diagnoseJoin(this.joining.machine, await this.managers(), swarm.manager, this.context);
  }

  private joinError(attempt: JoinProgress, { findings }: JoinDiagnosis): ExternalError {
    if (findings.length > 0) {
      return new ExternalError(`${this.name} does not get into the swarm: ${findings.join('; ')}`, {
        hint: `between all nodes open 2377/tcp (to managers), 7946/tcp, 7946/udp and 4789/udp in the firewall, then the same command again`,
      });
    }
    const cause = attempt.state === 'failed' ? messageOf(attempt.error) : 'it is still joining';
    return new ExternalError(`${this.name} does not get into the swarm: ${cause}`, {
      hint: 'nothing seems to be in its way; the same command again goes on with it',
    });
  }
}

/** Time was up, and the engine goes on. */
class StillTrying extends ExternalError {}

/** The engine gives the call up after 20 s and goes on joining: moby, daemon/cluster/errors.go (`errSwarmJoinTimeoutReached`). */
function isStillTrying(error: unknown): boolean {
  return error instanceof EngineError && /timeout was reached before node joined/i.test(error.message);
}
