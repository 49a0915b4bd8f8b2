import type { Context } from '../../app/context.js';
import { queryAll } from '../../app/fan-out.js';
import { UserError } from '../../base/errors.js';
import { groupBy } from '../../base/group-by.js';
import { hasNewerEngine } from '../../engine/upgrade-engine.js';
import { observe } from '../../machines/list-machines.js';
import type { Machine } from '../../machines/model/machine.js';
import { sameSize } from '../../machines/model/sizes.js';
import type { NamedMember } from '../model/members.js';
import { isNodeReady } from '../model/swarm-node.js';
import { type NodeUpgradeState, remainingUpgrade } from '../model/upgrade-plan.js';
import type { UpgradeRecord } from './upgrade-record.js';

export interface UpgradeGoal {
  /** As the user wrote it. */
  size?: string | undefined;
  /** Upgrade to the newest version in the package repositories. */
  engine: boolean;
}

export type UpgradeSubject = NodeUpgradeState & { member: NamedMember; machine: Machine };

/** Changes nothing. @throws UserError when a node cannot be upgraded */
export async function inspectNodes(
  members: readonly NamedMember[],
  { size, engine }: UpgradeGoal,
  record: UpgradeRecord,
  context: Context,
): Promise<UpgradeSubject[]> {
  const machines = members.map(machineOf);
  if (size !== undefined) await checkSize(machines, size, context);
  const observed = new Map((await observe(machines, context)).map((row) => [row.machine.name, row]));
  const isRunning = ({ name }: Machine): boolean => observed.get(name)?.state === 'running';
  const outdated = engine ? await machinesWithOldEngine(machines.filter(isRunning), context) : new Set();
  return members.map((member) => {
    const { node, name } = member;
    const machine = observed.get(machineOf(member).name)?.machine ?? machineOf(member);
    const running = isRunning(machine);
    const now = { role: node.role, availability: node.availability };
    const before = record.of(node.id);
    const back = running && isNodeReady(node);
    const remaining = before ? remainingUpgrade({ now, before, back }) : 'nothing';
    return {
      name,
      member,
      machine,
      leader: node.leader,
      now,
      before: before && remaining === 'all' ? before : now,
      resumed: remaining === 'all' || (remaining === 'changed since' && !back),
      running,
      resize: size !== undefined && !(machine.size !== undefined && sameSize(machine.size, size)),
      // The engine of a stopped machine is checked once it runs.
      engine: engine && (!running || outdated.has(machine.name)),
    };
  });
}

function machineOf({ name, machine }: NamedMember): Machine {
  if (machine) return machine;
  throw new UserError(`${name} is not managed by belt and cannot be upgraded`, { hint: 'belt ls' });
}

/** @throws UserError for an invalid size, or an adopted server */
async function checkSize(machines: readonly Machine[], size: string, context: Context): Promise<void> {
  for (const [driverName, mine] of groupBy(machines, ({ driver }) => driver)) {
    const driver = await context.driver(driverName);
    if (driver.adopt) {
      throw new UserError(
        `${mine.map(({ name }) => name).join(' and ')} cannot be resized: the driver ${driverName} only adopts existing servers`,
        { hint: 'belt swarm upgrade --engine, to upgrade only the engine' },
      );
    }
    const resized = mine.map(({ name, id, driverData }) => ({
      name,
      size,
      ...(id !== undefined && { id }),
      driverData,
    }));
    await driver.check(resized, context.signal);
  }
}

async function machinesWithOldEngine(machines: readonly Machine[], context: Context): Promise<Set<string>> {
  const query = (machine: Machine): Promise<boolean> => hasNewerEngine(machine, context);
  const { answers, failed } = await queryAll(machines, query, context.signal);
  const [first] = failed;
  if (first) throw first.error;
  return new Set(answers.filter(({ value }) => value).map(({ subject }) => subject.name));
}
