import type { Context } from '../app/context.js';
import type { Step } from '../app/reporter.js';
import { ExternalError, messageOf, UserError } from '../base/errors.js';
import { waitUntilClear } from '../base/poll.js';
import { type EngineApi, EngineError } from '../engine/api.js';
import type { Machine } from '../machines/model/machine.js';
import type { NodeAvailability } from './change-availability.js';
import { diagnoseJoin, type JoinDiagnosis } from './diagnose-join.js';
import { isRetryableElsewhere } from './find-manager.js';
import { leaveByForce, removeManager } from './leave-swarm.js';
import { membershipOf, waitForOwnRole, withEngine } from './membership.js';
import { findManagerEntry } from './model/members.js';
import { chooseNodeAddresses } from './model/node-addresses.js';
import { type Membership, managerAddresses, type Role, type SwarmNode } from './model/swarm-node.js';
import { type MovedManager, movedHint, movedText } from './moved-managers.js';
import { networkOf } from './node-network.js';
import { requireNoLiveRestore } from './require-no-live-restore.js';
import type { Swarm } from './session.js';

export interface JoinContext {
  swarm: Swarm;
  role: Role;
  availability?: NodeAvailability | undefined;
  /** The last known token, in memory only. */
  token: string;
  currentToken: () => Promise<string>;
  /** Concurrent calls share one request. */
  nodes: () => Promise<SwarmNode[]>;
  /** Managers that cannot be reached at their addresses. */
  moved: readonly MovedManager[];
}

interface JoiningNode {
  machine: Machine;
  /** Spreads the nodes over the managers. */
  index: number;
  step: Step;
}

interface JoinedNode {
  nodeId: string;
  role: Role;
  already: boolean;
}

/** An election takes some 10 s, the engine's own timeout is 20 s. */
const joinTimeoutMs = 120_000;
/** How long the engine may retry before the join is diagnosed. */
const shortWaitMs = 5_000;
/** How long it may retry when the diagnosis found no problem. */
const longWaitMs = 40_000;
const agreeTimeoutMs = 60_000;

/**
 * Returns once the node and the managers agree.
 * @throws UserError when it is in another swarm; EngineError when the swarm refuses; ExternalError
 * with the diagnosis
 */
export async function joinNode(
  joining: JoiningNode,
  joinContext: JoinContext,
  context: Context,
): Promise<JoinedNode> {
  return withEngine(joining.machine, context, async (api) => {
    const found = await membershipOf(api);
    const already = isMember(found);
    const nodeId = already
      ? found.nodeId
      : await new JoinAttempt(joining, joinContext, api, context).run(found);
    if (already) requireHealthy(joining.machine.name, found);
    joining.step('waiting for the managers to list it');
    const role = await waitForAgreement(nodeId, already, joining, joinContext, context);
    if (role === 'manager') await waitForOwnRole(joining.machine.name, role, api, context);
    return { nodeId, role, already: already || found.state === 'pending' };
  });
}

/** After a failed join the state is `error`, without a node id. */
function isMember({ state, nodeId }: Membership): boolean {
  return state === 'active' || state === 'locked' || (state === 'error' && nodeId !== '');
}

function requireHealthy(name: string, { state, error }: Membership): void {
  if (state === 'active') return;
  throw new UserError(`the swarm membership of ${name} is in state "${state}"${error && `: ${error}`}`, {
    hint: state === 'locked' ? `belt swarm unlock ${name}` : `belt swarm leave --force ${name}`,
  });
}

/** The managers decide whether the node is in this swarm. */
async function waitForAgreement(
  nodeId: string,
  already: boolean,
  { machine: { name } }: JoiningNode,
  { nodes, role: asked }: JoinContext,
  { signal }: Context,
): Promise<Role> {
  let role = asked;
  const check = async (): Promise<string | undefined> => {
    const node = (await nodes()).find(({ id }) => id === nodeId);
    if (!node && already) throw otherSwarmError(name);
    if (!node) return `${name} joined, but the managers do not list it`;
    role = node.role;
    if (node.status !== 'ready') return `${name} joined, but the managers report it as ${node.status}`;
    const participates = role === 'worker' || node.reachability === 'reachable';
    return participates
      ? undefined
      : `${name} joined, but as a manager it is ${node.reachability ?? 'unknown'}`;
  };
  await waitUntilClear(
    check,
    { timeoutMs: agreeTimeoutMs, signal },
    (problem) => new ExternalError(`${problem} after ${agreeTimeoutMs / 1000} s`, { hint: 'belt swarm ls' }),
  );
  return role;
}

function otherSwarmError(name: string): UserError {
  return new UserError(`${name} is already part of another swarm`, {
    hint: `belt --host ${name} docker swarm leave`,
  });
}

/** `failed` at this manager; another one may accept the node. */
type JoinProgress =
  | { state: 'member'; nodeId: string }
  | { state: 'trying' }
  | { state: 'failed'; error: Error };

/** Retries through other managers, since ports may be closed or a manager may fail. */
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

  async run(found: Membership): Promise<string> {
    await requireNoLiveRestore(this.joining.machine, found, this.context);
    if (found.state === 'error') await this.abortJoin((await this.currentState()).counted);
    const begun = found.state === 'pending' ? found.managers[0] : undefined;
    if (begun !== undefined) await this.requireSameSwarm(begun);
    if (begun === undefined) await this.requireManagerInPlace();
    let address = begun ?? this.pick(await this.managers());
    let attempt = begun === undefined ? await this.tryAt(address) : await this.watch(shortWaitMs);
    while (attempt.state !== 'member') {
      this.joining.step(`diagnosing the failed join through ${address}`);
      const diagnosis = await this.diagnose();
      const { answering } = diagnosis;
      if (answering.length === 0 || Date.now() > this.deadline) throw this.joinError(attempt, diagnosis);
      const { found: now, counted } = await this.currentState();
      if (now.state === 'active') return now.nodeId;
      if (attempt.state === 'trying' && (counted || answering.includes(address))) {
        attempt = await this.watch(longWaitMs);
        if (attempt.state === 'trying') throw this.joinError(attempt, diagnosis);
        continue;
      }
      // A pending or failed join is aborted before the next one.
      await this.abortJoin(counted);
      address = this.pick(answering, address);
      attempt = await this.tryAt(address);
    }
    return attempt.nodeId;
  }

  /** The engine would retry for 20 s. Behind NAT, an address may work that no machine has. */
  private async requireManagerInPlace(): Promise<void> {
    const [moved] = this.joinContext.moved;
    if (!moved || !(await this.managers()).includes(moved.advertised)) return;
    const { answering } = await this.diagnose();
    if (answering.length > 0) return;
    throw new ExternalError(`${this.name} cannot join the swarm: ${movedText(moved)}`, {
      hint: movedHint,
    });
  }

  /** A new manager also needs an entry that counts for the quorum. */
  private async currentState(): Promise<{ found: Membership; counted: SwarmNode | undefined }> {
    const { nodes, role } = this.joinContext;
    const listed = role === 'manager' ? await nodes() : [];
    // Last, because the managers may be slow to respond.
    const found = await membershipOf(this.api);
    return { found, counted: findManagerEntry(listed, this.joining.machine, found.nodeId) };
  }

  private async abortJoin(counted: SwarmNode | undefined): Promise<void> {
    if (!counted) return leaveByForce(this.api, this.context);
    const { machine, step } = this.joining;
    const subject = { node: counted, machine, name: this.name };
    await removeManager(this.joinContext.swarm, this.api, { subject, step, context: this.context });
  }

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

  /** The token may have been rotated: retries with the current one. */
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
      // The engine uses only the first address (moby, daemon/cluster/swarm.go).
      RemoteAddrs: [address],
      JoinToken: token,
      ...(availability !== undefined && { Availability: availability }),
    };
    await this.api.joinSwarm(request, { signal: this.context.signal });
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
    const failure = new EngineError(503, error || `its engine reports "${state}"`);
    if (isRetryableElsewhere(failure)) return { state: 'failed', error: failure };
    throw new ExternalError(`${this.name} could not join: ${failure.message}`);
  }

  /** An earlier run may have started to join another swarm. */
  private async requireSameSwarm(address: string): Promise<void> {
    const nodes = await this.joinContext.nodes();
    if (nodes.some(({ managerAddress }) => managerAddress === address)) return;
    throw new UserError(`${this.name} is joining another swarm, at ${address}`, {
      hint: `belt swarm leave --force ${this.name}`,
    });
  }

  private async managers(): Promise<string[]> {
    const addresses = managerAddresses(await this.joinContext.nodes());
    const moved = new Set(this.joinContext.moved.map(({ advertised }) => advertised));
    const reachable = addresses.filter((address) => !moved.has(address));
    return reachable.length > 0 ? reachable : addresses;
  }

  /** Prefers another manager than the last one. */
  private pick(addresses: readonly string[], last?: string): string {
    const others = addresses.filter((address) => address !== last);
    const from = others.length > 0 ? others : addresses;
    const address = from[this.joining.index % from.length];
    if (address !== undefined) return address;
    throw new ExternalError('no manager of the swarm can be reached', { hint: 'belt swarm ls' });
  }

  private async diagnose(): Promise<JoinDiagnosis> {
    const { swarm } = this.joinContext;
    return diagnoseJoin(this.joining.machine, await this.managers(), swarm.manager, this.context);
  }

  private joinError(attempt: JoinProgress, { findings }: JoinDiagnosis): ExternalError {
    if (findings.length > 0) {
      return new ExternalError(`${this.name} could not join the swarm: ${findings.join('; ')}`, {
        hint: 'open 2377/tcp (to managers), 7946/tcp, 7946/udp and 4789/udp between all nodes, then rerun the same command',
      });
    }
    const cause = attempt.state === 'failed' ? messageOf(attempt.error) : 'it is still joining';
    return new ExternalError(`${this.name} could not join the swarm: ${cause}`, {
      hint: 'rerun the same command to resume the join; no network problem was found',
    });
  }
}

/** The time is up, and the engine keeps trying. */
class StillTrying extends ExternalError {}

/** The request ends after 20 s, the join does not (moby: `errSwarmJoinTimeoutReached`). */
function isStillTrying(error: unknown): boolean {
  return error instanceof EngineError && /timeout was reached before node joined/i.test(error.message);
}
