import type { Context } from '../../app/context.js';
import type { Outcome } from '../../app/fan-out.js';
import { inStage } from '../../app/in-stage.js';
import { runTasks } from '../../app/run-tasks.js';
import { whileSwarmClaimed } from '../../app/with-claim.js';
import { assessChanges, hasQuorum, type ManagerState } from '../model/quorum.js';
import type { Role } from '../model/swarm-node.js';
import { planUpgradeSteps, sortForUpgrade, type UpgradeStep, upgradeWarning } from '../model/upgrade-plan.js';
import { selectMembers } from '../select-nodes.js';
import { type Swarm, withSwarm } from '../session.js';
import { stableMembers } from '../stable-view.js';
import { inspectNodes, type UpgradeGoal, type UpgradeSubject } from './inspect-nodes.js';
import { NodeUpgrade, type NodeUpgradeOptions } from './upgrade-node.js';
import { reviewRecord, UpgradeRecord } from './upgrade-record.js';

export interface UpgradeInput extends UpgradeGoal, NodeUpgradeOptions {
  size?: string | undefined;
  nodes: readonly string[];
  all: boolean;
  /** Workers unavailable at the same time. */
  maxUnavailable: number;
}

export interface PlannedNode {
  name: string;
  role: Role;
  availability: string;
  /** Continues an interrupted upgrade. */
  resumed: boolean;
  steps: UpgradeStep[];
}

export interface UpgradedNode {
  nodeId: string;
  role: Role;
  availability: string;
  steps: UpgradeStep[];
  message: string;
}

interface UpgradePlan {
  managers: UpgradeSubject[];
  workers: UpgradeSubject[];
  nodes: PlannedNode[];
}

/** Changes nothing. @throws as `upgradeNodes` */
export function planUpgrade(input: UpgradeInput, context: Context): Promise<PlannedNode[]> {
  return withSwarm({}, context, async (swarm) => {
    const record = await UpgradeRecord.open(context.cluster);
    return (await plan(input, swarm, record, context)).nodes;
  });
}

/**
 * Upgrades managers one at a time, the leader last, then workers. Stops at the first node that does
 * not come back; the next run resumes.
 * @throws UserError, with nothing changed, when a node cannot be upgraded
 */
export async function upgradeNodes(input: UpgradeInput, context: Context): Promise<Outcome<UpgradedNode>[]> {
  return whileSwarmClaimed('upgraded', context, () =>
    withSwarm({}, context, async (swarm) => {
      const record = await UpgradeRecord.open(context.cluster);
      await reviewRecord(record, swarm, context);
      const { managers, workers, nodes } = await plan(input, swarm, record, context);
      reportPlan(nodes, record, context);
      const each = (
        title: string,
        subjects: readonly UpgradeSubject[],
        limit: number,
      ): Promise<Outcome<UpgradedNode>[]> =>
        inStage(title, context, (stage) => upgradeEach(subjects, limit, input, swarm, record, stage));
      const first = await each('Upgrading managers', managers, 1);
      const isComplete = first.every(({ status }) => status === 'ok');
      const second = isComplete
        ? await each('Upgrading workers', workers, input.maxUnavailable)
        : workers.map(({ name }) => ({ name, status: 'skipped' as const }));
      return [...first, ...second];
    }),
  );
}

async function plan(
  input: UpgradeInput,
  swarm: Swarm,
  record: UpgradeRecord,
  context: Context,
): Promise<UpgradePlan> {
  const { members, managers: states } = await stableMembers(swarm, context);
  const chosen = await selectMembers(input.nodes, members, context, { all: input.all });
  const subjects = await inspectNodes(chosen, input, record, context);
  const { managers, workers } = sortForUpgrade(subjects);
  const nodes = [...managers, ...workers].map((subject) => plannedNode(subject, states));
  if (nodes.some(({ steps }) => steps.includes('demote'))) warnAboutQuorum(states, context);
  return { managers, workers, nodes };
}

function plannedNode(subject: UpgradeSubject, managers: readonly ManagerState[]): PlannedNode {
  const { name, before, resumed, member } = subject;
  const { after } = assessChanges(managers, [{ id: member.node.id, effect: 'leaves' }]);
  return { name, ...before, resumed, steps: planUpgradeSteps(subject, { demotable: hasQuorum(after) }) };
}

function warnAboutQuorum(managers: readonly ManagerState[], { reporter }: Context): void {
  const warning = upgradeWarning(managers.length);
  if (warning !== undefined) reporter.warn(warning);
}

function reportPlan(nodes: readonly PlannedNode[], record: UpgradeRecord, { reporter }: Context): void {
  for (const { name, steps, resumed } of nodes) {
    reporter.note(
      `${name}${resumed ? ', resumed' : ''}: ${steps.length > 0 ? steps.join(', ') : 'nothing to do'}`,
    );
  }
  const named = new Set(nodes.map(({ name }) => name));
  const others = record.unfinished.filter(({ name }) => !named.has(name)).map(({ name }) => name);
  if (others.length > 0)
    reporter.warn(
      `an earlier upgrade of ${others.join(' and ')} is unfinished; to resume it, add ${others.join(',')} to NODES`,
    );
}

function upgradeEach(
  subjects: readonly UpgradeSubject[],
  limit: number,
  work: NodeUpgradeOptions,
  swarm: Swarm,
  record: UpgradeRecord,
  context: Context,
): Promise<Outcome<UpgradedNode>[]> {
  if (subjects.length === 0) return Promise.resolve([]);
  return runTasks<UpgradedNode, UpgradeSubject>(
    subjects,
    {
      activity: 'upgraded',
      limit,
      stopAtFailure: true,
      doneText: ({ message }) => message,
      async run({ subject, step }) {
        const { name, before, member } = subject;
        const upgrade = new NodeUpgrade(subject, work, swarm, record, step, context);
        const steps = await upgrade.run();
        const message = steps.length > 0 ? `${name} is upgraded` : `${name} is up to date`;
        return { nodeId: member.node.id, ...before, steps, message };
      },
    },
    context,
  );
}
