import type { Context } from '../../app/context.js';
import type { Step } from '../../app/reporter.js';
import type { Task } from '../../app/run-tasks.js';
import { ExternalError, explanationOf, isAbort, messageOf, UserError } from '../../base/errors.js';
import { waitUntilClear } from '../../base/poll.js';
import { upgradeEngine } from '../../engine/upgrade-engine.js';
import { followOne } from '../../machines/driver-events.js';
import { readyTimeoutMs } from '../../machines/lifecycle.js';
import type { Machine } from '../../machines/model/machine.js';
import { waitUntilReady } from '../../machines/wait-until-ready.js';
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
  /** Timeout for draining, and again for the tasks to run elsewhere. */
  drainMs: number;
}

/** Allows for an election and three heartbeats. */
const memberTimeoutMs = 90_000;
/** The node learns its role from its new certificate. */
const ownRoleTimeoutMs = 60_000;

/** Thrown with the node in its previous state. */
class NodeUnchanged extends UserError {}

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

  /** @throws UserError with nothing changed; ExternalError with the failed step */
  async run(): Promise<UpgradeStep[]> {
    const { member, before } = this.subject;
    if (planUpgradeSteps(this.subject, { demotable: true }).length === 0) return [];
    const steps = planUpgradeSteps(this.subject, { demotable: await this.isDemotable() });
    const { swarm, machine, context } = this;
    if (member.node.role === 'manager') await (await context.unlockKeys()).remember([machine], swarm.manager);
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
   * Whether the other managers keep the quorum. With `force`, the node otherwise stays a manager: a
   * stopped manager comes back, a demotion needs a quorum.
   * @throws UserError when they lose the quorum, unless `force`
   */
  private async isDemotable(): Promise<boolean> {
    const { swarm, context, work, subject } = this;
    const { member, name, resize, engine } = subject;
    if (member.node.role !== 'manager' || !(resize || engine)) return false;
    const { managers } = await stableMembers(swarm, context);
    const assessment = assessChanges(managers, [{ id: member.node.id, effect: 'leaves' }]);
    if (assessment.objection === undefined || assessment.objection === 'loses tolerance') return true;
    const objection =
      managers.length === 1
        ? `${name} is the swarm's only manager`
        : objectionText(`upgrading ${name}`, assessment);
    const effect = 'the swarm cannot be changed until it is back; running tasks continue';
    if (!work.force)
      throw new UserError(`${objection}: ${effect}`, {
        hint: 'belt swarm promote NODES, to have more managers; or use --force',
      });
    context.reporter.warn(`${objection}; --force: ${effect}`);
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
    const stopped = missing.find(({ running }) => running === 0);
    if (!stopped || work.force || subject.resumed) return;
    await changeAvailability(swarm, member, before.availability as NodeAvailability);
    throw new NodeUnchanged(
      `${member.name} is not upgraded: ${stopped.service} cannot run on another node${stopped.problem && `: ${stopped.problem}`}`,
      { hint: 'make room for it on another node, or use --force to stop it during the upgrade' },
    );
  }

  private async demote(): Promise<void> {
    const { swarm, subject } = this;
    await changeRole(swarm, 'worker', this.task);
    if (!subject.running) return;
    // It would restart as a manager unknown to the others.
    await this.waitFor('it is not a worker yet', ownRoleTimeoutMs, async () => {
      if ((await this.membership()).manager) return 'its engine still reports that it is a manager';
      return (await this.hasManagerCertificate()) ? 'it still has the certificate of a manager' : undefined;
    });
  }

  private async hasManagerCertificate(): Promise<boolean> {
    try {
      return (await nodeCertificate(this.machine, this.context)).subject.includes('OU=swarm-manager');
    } catch (error) {
      // The SSH user may not be allowed to read it.
      if (error instanceof UserError) return false;
      throw error;
    }
  }

  /** The swarm may list it as a manager before its own engine does. */
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
    await waitUntilReady(this.machine, { timeoutMs: readyTimeoutMs, step: this.step }, this.context);
  }

  private async upgradeEngine(): Promise<void> {
    const { machine, step, context } = this;
    await upgradeEngine({ subject: machine, step, context });
  }

  /** Checks the node too: managers notice late that it was stopped. */
  private async waitUntilReady(): Promise<void> {
    const { swarm, subject, machine, step, context } = this;
    await (await context.unlockKeys()).unlock(machine, step);
    step('waiting until it is back in the swarm');
    await this.waitFor('it is not back in the swarm', memberTimeoutMs, async () => {
      const own = await this.membership();
      if (own.state === 'locked') throw notAManager(subject.name, own);
      if (own.state !== 'active') return `its engine reports "${own.state}"${own.error && `: ${own.error}`}`;
      const node = (await swarm.nodes()).find(({ id }) => id === subject.member.node.id);
      if (node?.status !== 'ready') return `a manager reports "${node?.status ?? 'not listed'}"`;
      return node.role === 'manager' && node.reachability !== 'reachable'
        ? `a manager reports "${node.reachability}"`
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

  /** Retries while the engine may be starting. */
  private waitFor(
    what: string,
    timeoutMs: number,
    findObstacle: () => Promise<string | undefined>,
  ): Promise<void> {
    const checkIfResponding = async (): Promise<string | undefined> => {
      try {
        return await findObstacle();
      } catch (error) {
        if (error instanceof ExternalError) return messageOf(error);
        throw error;
      }
    };
    return waitUntilClear(
      checkIfResponding,
      { timeoutMs, signal: this.context.signal },
      (obstacle) => new ExternalError(`${what} after ${timeoutMs / 1000} s: ${obstacle}`),
    );
  }
}

function upgradeFailure(step: UpgradeStep, { name, before }: UpgradeSubject, cause: unknown): Error {
  const state = `a ${before.role} with availability "${before.availability}"`;
  return new ExternalError(`the upgrade of ${name} failed at "${step}": ${explanationOf(cause)}`, {
    hint: `fix it and rerun the command, which makes it ${state} again; or belt rm --force ${name}`,
    cause,
  });
}
