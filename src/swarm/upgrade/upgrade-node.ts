import type { Context } from '../../app/context.js';
import type { Step } from '../../app/reporter.js';
import type { Task } from '../../app/run-tasks.js';
import { ExternalError, explanationOf, isAbort, messageOf, UserError } from '../../base/errors.js';
import { waitUntilClear } from '../../base/poll.js';
import { upgradeEngine } from '../../engine/upgrade-engine.js';
import { followOne } from '../../machines/driver-events.js';
import { readyTimeoutMs } from '../../machines/lifecycle.js';
import type { Machine } from '../../machines/model/machine.js';
import { awaitReady } from '../../machines/wait-until-ready.js';
import {
  changeAvailability,
  drainMember,
  type NodeAvailability,
  warnOfDrain,
} from '../change-availability.js';
import { changeRole } from '../change-roles.js';
import { notAManager } from '../find-manager.js';
import { membershipOf, withEngine } from '../membership.js';
import type { NamedMember } from '../model/members.js';
import { assessChanges, objectionText } from '../model/quorum.js';
import { planUpgradeSteps, type UpgradeStep } from '../model/upgrade-plan.js';
import { nodeCertificate } from '../node-certificates.js';
import type { Swarm } from '../session.js';
import { stableMembers } from '../stable-view.js';
import { shortageText, waitForReplacements } from '../wait-for-replacements.js';
import type { UpgradeSubject } from './inspect-nodes.js';
import type { UpgradeRecord } from './upgrade-record.js';

export interface NodeUpgradeOptions {
  size?: string | undefined;
  force: boolean;
  /**
   * How long a node may take to be empty, and then what ran there to run elsewhere, in
   * milliseconds.
   */
  drainMs: number;
}

/**
 * How long a node may take to be known to its swarm again, once its engine answers: an election and
 * three heartbeats.
 */
const memberTimeoutMs = 90_000;
/** A node learns with its new certificate that it is a manager no longer. */
const ownRoleTimeoutMs = 60_000;

/** The node is as it was before. */
class NodeUnchanged extends UserError {}

/** The way of one node through its upgrade. */
export class NodeUpgrade {
  private machine: Machine;

  constructor(
    private readonly subject: UpgradeSubject,
    private readonly work: NodeUpgradeOptions,
    private readonly swarm: Swarm,
    private readonly record: UpgradeRecord,
    private readonly step: Step,
    private readonly context: Context,
  ) {
    this.machine = subject.machine;
  }

  /**
   * Does the steps that the node needs. What it was before is on record before the first, and
   * forgotten after the last.
   * @returns the steps
   * @throws UserError before anything is changed; ExternalError that tells what the node is left as
   */
  async run(): Promise<UpgradeStep[]> {
    const { member, before } = this.subject;
    if (planUpgradeSteps(this.subject, { demotable: true }).length === 0) return [];
    const steps = planUpgradeSteps(this.subject, { demotable: await this.isDemotable() });
    await this.record.begin({ id: member.node.id, name: member.name }, before);
    for (const step of steps) await this.attempt(step);
    await this.record.finish(member.node.id);
    return steps;
  }

  private async attempt(step: UpgradeStep): Promise<void> {
    try {
      await this.perform(step);
    } catch (error) {
      if (isAbort(error)) throw error;
      if (!(error instanceof NodeUnchanged)) throw upgradeFailure(step, this.subject, error);
      await this.record.finish(this.subject.member.node.id);
      throw error;
    }
  }

  private perform(step: UpgradeStep): Promise<void> {
    switch (step) {
      case 'drain':
        return this.drain();
      case 'demote':
        return this.demote();
      case 'stop':
        return this.runDriver((driver, machine, signal) => driver.stop([machine], signal));
      case 'resize':
        return this.runDriver((driver, machine, signal) =>
          driver.resize([machine], this.work.size ?? '', signal),
        );
      case 'start':
        return this.start();
      case 'upgrade engine':
        return this.upgradeEngine();
      case 'wait until ready':
        return this.waitUntilReady();
      case 'promote':
        return this.promote();
      case 'restore availability':
        return this.restoreAvailability();
    }
  }

  /**
   * Whether the other managers decide on without this one. Where they do not, by force, it stays a
   * manager: that its machine is off for a while costs less than a vote that cannot be taken back.
   * @throws UserError with the numbers, unless `force`
   */
  private async isDemotable(): Promise<boolean> {
    const { swarm, context, work, subject } = this;
    const { member, name, resize, engine } = subject;
    if (member.node.role !== 'manager' || !(resize || engine)) return false;
    const { managers } = await stableMembers(swarm, context);
    const judgement = assessChanges(managers, [{ id: member.node.id, effect: 'leaves' }]);
    if (judgement.objection === undefined || judgement.objection === 'loses tolerance') return true;
    const objection =
      managers.length === 1
        ? `${name} is the swarm's only manager`
        : objectionText(`upgrading ${name}`, judgement);
    const price = 'the swarm cannot be changed until it is back; running tasks continue';
    if (!work.force)
      throw new UserError(`${objection}: ${price}`, {
        hint: 'make others first: belt swarm promote NODES; or all the same: --force',
      });
    context.reporter.warn(`${objection}; --force: ${price}`);
    return false;
  }

  private get task(): Task<NamedMember> {
    return { subject: this.subject.member, step: this.step, context: this.context };
  }

  private async drain(): Promise<void> {
    const { swarm, work, context, subject } = this;
    const { member, before } = subject;
    await warnOfDrain(swarm, [member], context);
    await drainMember(swarm, { waitMs: work.drainMs }, this.task);
    const missing = await waitForReplacements(swarm, work.drainMs, this.task);
    for (const shortage of missing)
      context.reporter.warn(`while ${member.name} is upgraded, service ${shortageText(shortage)}`);
    const still = missing.find(({ running }) => running === 0);
    // What an earlier run had begun with may be off, and can take nothing back.
    if (!still || work.force || subject.begun) return;
    await changeAvailability(swarm, member, before.availability as NodeAvailability);
    throw new NodeUnchanged(
      `${member.name} is not upgraded: ${still.service} cannot run on another node${still.problem && `: ${still.problem}`}`,
      {
        hint: `make room for it on another node; or do without it meanwhile: --force`,
      },
    );
  }

  private async demote(): Promise<void> {
    const { swarm, subject } = this;
    await changeRole(swarm, 'worker', this.task);
    if (!subject.running) return;
    // One that is stopped before it has a worker's certificate comes up as a manager whom the
    // others do not know.
    await this.waitFor('it is not a worker yet', ownRoleTimeoutMs, async () => {
      if ((await this.membership()).manager) return 'its engine takes itself for a manager';
      return (await this.hasManagerCertificate()) ? 'it still has the certificate of a manager' : undefined;
    });
  }

  private async hasManagerCertificate(): Promise<boolean> {
    try {
      return (await nodeCertificate(this.machine, this.context)).subject.includes('OU=swarm-manager');
    } catch (error) {
      // Not everybody may read it.
      if (error instanceof UserError) return false;
      throw error;
    }
  }

  /** The others may count on it before its own engine does. */
  private async promote(): Promise<void> {
    await changeRole(this.swarm, 'manager', this.task);
    await this.waitFor('it is not a manager yet', memberTimeoutMs, async () => {
      const { state, manager, error } = await this.membership();
      if (state === 'active' && manager) return undefined;
      return `its engine reports "${state}"${error && `: ${error}`}`;
    });
  }

  private async start(): Promise<void> {
    await this.runDriver((driver, machine, signal) => driver.start([machine], signal));
    await awaitReady(this.machine, { timeoutMs: readyTimeoutMs, step: this.step }, this.context);
  }

  private async upgradeEngine(): Promise<void> {
    await upgradeEngine(this.machine, { step: this.step }, this.context);
  }

  /**
   * The node and a manager have to agree: the manager notices only after a while that a node was
   * away.
   */
  private async waitUntilReady(): Promise<void> {
    const { swarm, subject } = this;
    this.step('waiting until the swarm has it back');
    await this.waitFor('the swarm does not have it back', memberTimeoutMs, async () => {
      const own = await this.membership();
      if (own.state === 'locked') throw notAManager(subject.name, own);
      if (own.state !== 'active') return `its engine reports "${own.state}"${own.error && `: ${own.error}`}`;
      const node = (await swarm.nodes()).find(({ id }) => id === subject.member.node.id);
      if (node?.status !== 'ready') return `a manager says "${node?.status ?? 'gone'}"`;
      return node.role === 'manager' && node.reachability !== 'reachable'
        ? `as a manager it is "${node.reachability}"`
        : undefined;
    });
  }

  private async restoreAvailability(): Promise<void> {
    const { swarm, subject } = this;
    await changeAvailability(swarm, subject.member, subject.before.availability as NodeAvailability);
  }

  private async runDriver(
    verb: (
      driver: Awaited<ReturnType<Context['driver']>>,
      machine: Machine,
      signal: AbortSignal,
    ) => Parameters<typeof followOne>[1],
  ): Promise<void> {
    const { context, machine, step } = this;
    const driver = await context.driver(machine.driver);
    this.machine = await followOne(machine, verb(driver, machine, context.signal), step, context);
  }

  private membership(): ReturnType<typeof membershipOf> {
    return withEngine(this.machine, this.context, membershipOf);
  }

  /** Engines that do not answer are asked again: they may be on their way. */
  private waitFor(what: string, timeoutMs: number, look: () => Promise<string | undefined>): Promise<void> {
    const retried = async (): Promise<string | undefined> => {
      try {
        return await look();
      } catch (error) {
        if (error instanceof ExternalError) return messageOf(error);
        throw error;
      }
    };
    return waitUntilClear(
      retried,
      { timeoutMs, signal: this.context.signal },
      (obstacle) => new ExternalError(`${what} after ${timeoutMs / 1000} s: ${obstacle}`),
    );
  }
}

/** The others go on without it; what it was is on record. */
function upgradeFailure(step: UpgradeStep, { name, before }: UpgradeSubject, cause: unknown): Error {
  const was = before.role === 'manager' ? `a manager, "${before.availability}"` : `"${before.availability}"`;
  return new ExternalError(`the upgrade of ${name} failed at "${step}": ${explanationOf(cause)}`, {
    hint: `when it is put right, the same command goes on with it, and makes it ${was} again; or give it up: belt rm --force ${name}`,
    cause,
  });
}
