import type { Context } from '../app/context.js';
import type { Outcome } from '../app/fan-out.js';
import { failTasks, runTasks, type Task } from '../app/run-tasks.js';
import { whileSwarmClaimed } from '../app/with-claim.js';
import { ExternalError, isAbort, messageOf, UserError } from '../base/errors.js';
import { removeMachines } from '../machines/lifecycle.js';
import { hasNoSsh, type Machine } from '../machines/model/machine.js';
import { readOriginalState } from '../machines/original-state.js';
import { changeAvailability, drainMember, warnOfDrain } from './change-availability.js';
import { changeRole, requireQuorumWithout, sortForDemotion } from './change-roles.js';
import { isRetryableElsewhere } from './find-manager.js';
import { leaveMember, noManagerLeft, removeEntry } from './leave-swarm.js';
import { type ProbedMachine, probeMembership, reasonToKeep } from './manager-reachability.js';
import { type NamedMember, named } from './model/members.js';
import { NoQuorumError } from './require-quorum.js';
import { type Swarm, type SwarmChoice, withSwarm } from './session.js';
import { shortageText, waitForReplacements } from './wait-for-replacements.js';

interface RemovalOptions {
  /** Removes even if a swarm loses its quorum or a machine cannot be destroyed. */
  force: boolean;
  /** Adopted servers keep their engine and swarm. */
  keepEngineConfig?: boolean;
  /** Timeout for tasks to stop, and again for them to run elsewhere. */
  drainMs: number;
}

/**
 * Machines leave their swarms first; one that cannot is kept, unless `force`. Removing a whole
 * cluster skips this.
 * @throws UserError when a swarm would lose its quorum or failure tolerance, unless `force`
 */
export async function removeSwarmMachines(
  machines: readonly Machine[],
  removal: RemovalOptions,
  context: Context,
): Promise<Outcome<Machine>[]> {
  const obstacles = await leaveSwarms(machines, removal, context);
  context.signal.throwIfAborted();
  const free = machines.filter(({ name }) => !obstacles.has(name));
  const removed = free.length > 0 ? await removeMachines(free, removal, context) : [];
  const byName = new Map<string, Outcome<Machine>>(removed.map((outcome) => [outcome.name, outcome]));
  return machines.map(({ name }) => byName.get(name) ?? obstacles.get(name) ?? { name, status: 'skipped' });
}

/** Why machines must be kept. */
type Obstacles = Map<string, Outcome<never>>;

async function leaveSwarms(
  machines: readonly Machine[],
  removal: RemovalOptions,
  context: Context,
): Promise<Obstacles> {
  const all = (await context.cluster.machines()).machines;
  const names = new Set(machines.map(({ name }) => name));
  const staying = all.filter(({ name }) => !names.has(name));
  if (staying.length === 0) return new Map();
  const probed = await probeMembership([...machines, ...(await sampleMachines(staying, context))], context);
  if (probed.every(isInNoSwarm)) return new Map();
  const leaving = await managedByBelt(
    probed.filter(({ machine }) => names.has(machine.name)),
    removal,
    context,
  );
  if (leaving.length === 0) return new Map();
  return new Eviction(leaving, staying, removal, context).run();
}

/** A few machines suffice to find a swarm that still lists removed ones. */
async function sampleMachines(staying: readonly Machine[], { cluster }: Context): Promise<Machine[]> {
  const active = await cluster.activeMachine();
  return staying
    .toSorted((one, other) => Number(other.name === active) - Number(one.name === active))
    .slice(0, 3);
}

function isInNoSwarm({ state, membership }: ProbedMachine): boolean {
  return state === 'inaccessible' || membership?.state === 'inactive';
}

/** Excludes machines known only by URL, and adopted servers in a swarm of their own. */
async function managedByBelt(
  probed: readonly ProbedMachine[],
  { keepEngineConfig }: RemovalOptions,
  context: Context,
): Promise<ProbedMachine[]> {
  const isExcluded = await Promise.all(
    probed.map(async ({ machine, membership }) => {
      if (hasNoSsh(machine)) return true;
      const found = await readOriginalState(machine.name, context);
      if (!found) return false;
      const nodeId = membership?.nodeId;
      return keepEngineConfig || (Boolean(nodeId) && nodeId === (found.swarmNode ?? nodeId));
    }),
  );
  return probed.filter((_, index) => !isExcluded[index]);
}

class Eviction {
  private readonly obstacles: Obstacles = new Map();
  private readonly probed: Map<string, ProbedMachine>;

  constructor(
    leaving: readonly ProbedMachine[],
    private readonly staying: readonly Machine[],
    private readonly removal: RemovalOptions,
    private readonly context: Context,
  ) {
    this.probed = new Map(leaving.map((probe) => [probe.machine.name, probe]));
  }

  /** One swarm at a time. */
  async run(): Promise<Obstacles> {
    const seen = new Set<string>();
    for (let choice: SwarmChoice | undefined = {}; choice; choice = this.nextChoice(seen)) {
      if (choice.manager) seen.add(choice.manager.name);
      await this.fromSwarm(choice, seen);
    }
    for (const { machine, membership } of this.probed.values())
      if (membership?.nodeId && !seen.has(machine.name))
        this.warnOfEntry(machine.name, 'none of its managers is known');
    return this.obstacles;
  }

  private nextChoice(seen: ReadonlySet<string>): SwarmChoice | undefined {
    const manager = [...this.probed.values()].find(
      ({ machine, membership }) => membership?.manager && !seen.has(machine.name),
    );
    return manager && { manager: manager.machine };
  }

  private async fromSwarm(choice: SwarmChoice, seen: Set<string>): Promise<void> {
    let out = choice.manager ? [choice.manager.name] : [...this.probed.keys()];
    let reached = false;
    try {
      await withSwarm(choice, this.context, async (swarm) => {
        reached = true;
        const members = named(await swarm.members());
        const own = members.filter((member) => this.isSelected(member));
        out = own.map(({ name }) => name);
        await this.leave(swarm, own, members);
      });
    } catch (error) {
      if (isAbort(error) || (reached && !lostQuorum(error))) throw error;
      await this.withoutSwarm(out, error);
    } finally {
      for (const name of out) seen.add(name);
    }
  }

  /** The entry may be stale. */
  private isSelected({ machine, node }: NamedMember): boolean {
    const probe = machine && this.probed.get(machine.name);
    if (!probe) return false;
    const { membership } = probe;
    if (membership?.nodeId) return membership.nodeId === node.id;
    return membership === undefined || node.status === 'down';
  }

  private async leave(
    swarm: Swarm,
    own: readonly NamedMember[],
    members: readonly NamedMember[],
  ): Promise<void> {
    const { context, removal } = this;
    const staying = members.filter((member) => !own.includes(member));
    if (own.length === 0 || staying.length === 0) return;
    const managers = sortForDemotion(own.filter(({ node }) => node.role === 'manager'));
    if (!staying.some(({ node }) => node.role === 'manager')) {
      const objection = noManagerLeft(staying.length);
      if (!removal.force) throw objection;
      context.reporter.warn(`${objection.message}; --force: their tasks keep running and cannot be changed`);
      return;
    }
    if (managers.length === 0) return this.takeOutAll(swarm, own, managers);
    return whileSwarmClaimed('changed', context, async () => {
      await this.requireQuorum(swarm, managers);
      await this.takeOutAll(swarm, own, managers);
    });
  }

  private async takeOutAll(
    swarm: Swarm,
    own: readonly NamedMember[],
    managers: readonly NamedMember[],
  ): Promise<void> {
    const { context, removal } = this;
    await warnOfDrain(swarm, own, context);
    // Together, so that no task moves to another removed node.
    await Promise.all(own.map((member) => changeAvailability(swarm, member, 'drain')));
    const workers = own.filter((member) => !managers.includes(member));
    await this.each(workers, async (task) => {
      await drain(swarm, removal, task);
      await this.takeOut(swarm, task);
    });
    await this.each(
      managers,
      async (task) => {
        await this.requireQuorum(swarm, [task.subject], { isPart: true });
        await drain(swarm, removal, task);
        await changeRole(swarm, 'worker', task);
        await this.takeOut(swarm, task);
      },
      { limit: 1, stopAtFailure: !removal.force },
    );
  }

  private requireQuorum(
    swarm: Swarm,
    managers: readonly NamedMember[],
    { isPart = false } = {},
  ): Promise<void> {
    const { force } = this.removal;
    return requireQuorumWithout(swarm, managers, { what: 'removing', force, isPart }, this.context);
  }

  private async takeOut(swarm: Swarm, task: Task<NamedMember>): Promise<void> {
    const { name, node } = task.subject;
    if (this.probed.get(name)?.membership?.nodeId) await leaveMember(swarm, task);
    else await removeEntry(swarm, node.id, { force: true });
  }

  private async each(
    members: readonly NamedMember[],
    run: (task: Task<NamedMember>) => Promise<void>,
    order: { limit?: number; stopAtFailure?: boolean } = {},
  ): Promise<void> {
    if (members.length === 0) return;
    const { context, obstacles, removal } = this;
    const outcomes = await runTasks<void, NamedMember>(
      members,
      { activity: 'removed', doneText: () => 'left its swarm', run, ...order },
      context,
    );
    for (const outcome of outcomes) {
      if (outcome.status === 'ok') continue;
      if (removal.force && outcome.status === 'failed')
        context.reporter.warn(
          `${outcome.name} is removed although it is still a node of its swarm: ${outcome.error.message}`,
        );
      else obstacles.set(outcome.name, outcome);
    }
  }

  private warnOfEntry(name: string, why: string): void {
    this.context.reporter.warn(`the node entry of ${name} remains in its swarm: ${why}`);
  }

  /** Without a manager, only workers are safe to remove. */
  private async withoutSwarm(names: readonly string[], cause: unknown): Promise<void> {
    const { context, removal } = this;
    const others = await probeMembership(this.staying, context);
    const kept = new Map<string, Error>();
    for (const name of names) {
      const probe = this.probed.get(name);
      if (!probe || isInNoSwarm(probe) || probe.state === 'missing') continue;
      const why = reasonToKeep(probe, [...this.probed.values()], others);
      if (why === undefined) {
        if (probe.membership) this.warnOfEntry(name, messageOf(cause));
      } else if (removal.force) {
        context.reporter.warn(`${why} (${messageOf(cause)}); --force: its copy of the swarm's data is lost`);
      } else {
        const hint = `belt start NODES, or to remove it anyway: belt rm --force ${name}`;
        kept.set(name, new UserError(`${why}: ${messageOf(cause)}`, { hint }));
      }
    }
    for (const outcome of await failTasks(kept, context)) this.obstacles.set(outcome.name, outcome);
  }
}

/** A manager may respond but notice late that the quorum is lost. */
function lostQuorum(error: unknown): boolean {
  return error instanceof NoQuorumError || isRetryableElsewhere(error);
}

/** The machine is removed even if draining fails. */
async function drain(swarm: Swarm, { drainMs }: RemovalOptions, task: Task<NamedMember>): Promise<void> {
  const { subject, context } = task;
  try {
    await drainMember(swarm, { waitMs: drainMs }, task);
    for (const shortage of await waitForReplacements(swarm, drainMs, task))
      context.reporter.warn(`without ${subject.name}, service ${shortageText(shortage)}`);
  } catch (error) {
    if (!(error instanceof ExternalError)) throw error;
    context.reporter.warn(`${error.message}: removing it anyway`);
  }
}
