import fc from 'fast-check';
import { expect, test } from 'vitest';
import { UserError } from '../../../src/base/errors.js';
import {
  killMachines,
  restartMachines,
  startMachines,
  stopMachines,
} from '../../../src/machines/lifecycle.js';
import type { Machine } from '../../../src/machines/model/machine.js';
import { demoteNodes, promoteNodes } from '../../../src/swarm/change-roles.js';
import { joinSwarm } from '../../../src/swarm/join-swarm.js';
import { leaveSwarm } from '../../../src/swarm/leave-swarm.js';
import { withQuorumGuard } from '../../../src/swarm/quorum-guard.js';
import { removeSwarmMachines } from '../../../src/swarm/remove-machines.js';
import { removeNodes } from '../../../src/swarm/remove-nodes.js';
import { recordFault } from '../../lab/record-fault.js';
import type { Node, Swarm } from '../support/engine.js';
import { openTestBed, type TestBed } from '../support/test-bed.js';

/**
 * Commands without --force, on fake engines that elect and vote as real ones do. No command may
 * cost a swarm its quorum, whichever managers are reachable. Between the commands, machines fail,
 * freeze, or refuse logins while they keep running.
 */

const verbs = [
  'stop',
  'kill',
  'start',
  'restart',
  'promote',
  'demote',
  'leave',
  'join',
  'rm',
  'swarm rm',
] as const;
const mishaps = ['loses power', 'freezes', 'refuses SSH', 'recovers'] as const;

interface Step {
  does: (typeof verbs)[number] | (typeof mishaps)[number];
  /** Numbers of the machines. */
  whom: number[];
}

const step: fc.Arbitrary<Step> = fc.record({
  does: fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...verbs) }, fc.constantFrom(...mishaps)),
  whom: fc.uniqueArray(fc.nat(8), { minLength: 1, maxLength: 4 }),
});

class Model {
  readonly frozen = new Set<string>();

  private constructor(
    private readonly bed: TestBed,
    private readonly swarm: Swarm,
  ) {}

  /** Adds two workers. @param reachable whether each manager is reachable */
  static async open(bed: TestBed, reachable: readonly boolean[]): Promise<Model> {
    const names = [...reachable.map((_, index) => `mg${index + 1}`), 'node1', 'node2'];
    await bed.running(...names);
    const engines = await Promise.all(names.map((name) => bed.engine(name)));
    const [first, ...others] = engines;
    if (!first) throw new Error('no manager');
    const swarm = first.newSwarm('s1');
    others.forEach((engine, index) => {
      engine.beIn(swarm, index + 1 < reachable.length ? 'manager' : 'worker');
    });
    const model = new Model(bed, swarm);
    reachable.forEach((is, index) => {
      if (!is) model.power(`mg${index + 1}`, 'stopped');
    });
    bed.engines.isUp = (name) => model.isUp(name);
    // After each change that a driver makes to a machine.
    bed.driver.onMoment = (moment, name) => {
      if (bed.driver.calls.at(-1)?.startsWith('restart'))
        model.power(name, moment === 'begun' ? 'stopped' : 'running');
      model.check();
    };
    return model;
  }

  private had = false;

  /** Runs a step and checks that it did not lose the quorum. */
  async run({ does, whom }: Step): Promise<void> {
    const { machines } = await this.bed.cluster.machines();
    const chosen = [...new Set(whom.map((which) => which % machines.length))].flatMap(
      (which) => machines[which] ?? [],
    );
    if (chosen.length === 0) return;
    if (isMishap(does)) return this.befall(does, chosen);
    this.had = this.hasQuorum;
    await this.command(does, chosen).catch((error: Error) => {
      // Refusals are expected, bugs are not.
      if (
        !['UserError', 'ExternalError', 'EngineError', 'ConnectError', 'NoLeaderError'].includes(error.name)
      )
        throw error;
    });
    this.check();
  }

  get hasQuorum(): boolean {
    const managers = this.swarm.nodes.filter(({ role }) => role === 'manager');
    return managers.filter((node) => this.isThere(node)).length * 2 > managers.length;
  }

  /** Allowed losses: restarting one of at most two managers, and a shutdown of the whole swarm. */
  private check(): void {
    if (!this.had || this.hasQuorum) return;
    const up = this.swarm.nodes.filter((node) => this.isThere(node));
    const managers = this.swarm.nodes.filter(({ role }) => role === 'manager');
    const isShutdown = up.length === 0 || this.isGoingDown(up);
    const isRestart = managers.length <= 2 && this.bed.driver.calls.at(-1)?.startsWith('restart');
    expect({ isAllowed: isShutdown || isRestart, state: this.describe() }).toMatchObject({ isAllowed: true });
  }

  /** Whether the command stops all machines that are up. */
  private isGoingDown(up: readonly Node[]): boolean {
    const [verb, ...names] = this.bed.driver.calls.at(-1)?.split(' ') ?? [];
    return (
      ['stop', 'kill', 'remove'].includes(verb ?? '') && up.every(({ engine }) => names.includes(engine.name))
    );
  }

  private async command(does: (typeof verbs)[number], machines: readonly Machine[]): Promise<unknown> {
    const { context } = this.bed;
    const names = machines.map(({ name }) => name);
    const force = false;
    switch (does) {
      case 'stop':
      case 'kill':
        return withQuorumGuard(machines, { action: `${does}ing`, force, timeoutMs: 500 }, context, () =>
          does === 'stop' ? stopMachines(machines, context) : killMachines(machines, context),
        );
      case 'start':
        return startMachines(machines, context);
      case 'restart':
        return restartMachines(machines, { force }, context);
      case 'promote':
        return promoteNodes(names, context);
      case 'demote':
        return demoteNodes(names, { force }, context);
      case 'leave':
        return leaveSwarm(
          names,
          { force, confirm: () => Promise.reject(new UserError('declined')) },
          context,
        );
      case 'join':
        return joinSwarm({ machines, role: 'manager' }, context);
      case 'rm':
        return removeSwarmMachines(machines, { force, drainMs: 0 }, context);
      case 'swarm rm':
        return removeNodes(names, { force }, context);
    }
  }

  private befall(does: (typeof mishaps)[number], machines: readonly Machine[]): void {
    const [machine] = machines;
    if (!machine) return;
    if (does === 'loses power') this.power(machine.name, 'stopped');
    if (does === 'freezes') this.frozen.add(machine.name);
    if (does === 'refuses SSH') this.bed.ssh.refused.add(machine.name);
    if (does !== 'recovers') return;
    this.frozen.delete(machine.name);
    this.bed.ssh.refused.delete(machine.name);
  }

  private isThere({ engine: { name } }: Node): boolean {
    return this.isUp(name);
  }

  private isUp(name: string): boolean {
    return this.bed.driver.machines.get(name)?.state === 'running' && !this.frozen.has(name);
  }

  private power(name: string, state: 'running' | 'stopped'): void {
    const machine = this.bed.driver.machines.get(name);
    if (machine) machine.state = state;
  }

  private describe(): string {
    return this.swarm.nodes
      .map((node) => `${node.engine.name} ${node.role} ${this.isThere(node) ? 'up' : 'down'}`)
      .join(', ');
  }
}

function isMishap(does: Step['does']): does is (typeof mishaps)[number] {
  return (mishaps as readonly string[]).includes(does);
}

test('no sequence of commands without --force ends without a quorum', { timeout: 120_000 }, async () => {
  let tried = 0;
  const managers = fc.array(fc.boolean(), { minLength: 1, maxLength: 7 });
  const steps = fc.array(step, { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(managers, steps, async (reachable, commands) => {
      tried++;
      const bed = await openTestBed();
      try {
        const model = await Model.open(bed, reachable);
        for (const command of commands) await model.run(command);
      } finally {
        await bed.close();
      }
    }),
    { numRuns: 40, endOnFailure: true },
  );
  recordFault({
    kind: 'Swarms that lose managers',
    fault: 'sequences of commands, power failures, frozen engines and lost logins',
    tried,
  });
});
