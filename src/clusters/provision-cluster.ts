import { type FailureReport, reportFailure } from '../app/batch-report.js';
import type { Context } from '../app/context.js';
import { ExternalError } from '../base/errors.js';
import { Pending, poll } from '../base/poll.js';
import { electionTimeoutMs } from '../swarm/election.js';
import { forgetUpgrades } from '../swarm/upgrade/upgrade-record.js';
import { type ImmutableDifference, immutableTexts } from './immutable-settings.js';
import type { NodeDifference } from './model/compare.js';
import type { PlanStage, PlanStep } from './model/plan-stages.js';
import { checkStage, performStage, type StepResult } from './perform-stage.js';
import { type ClusterPlanInput, managerAdvice, type ObservedPlan, observeAndPlan } from './plan-cluster.js';
import type { StageInput } from './stage-context.js';

export interface ProvisionInput extends ClusterPlanInput, StageInput {
  /** Called as each stage ends. */
  onStage: (ends: readonly StepResult[]) => void;
}

export interface ProvisionReport {
  /** In the order of completion. */
  done: PlanStep[];
  failed: ({ step: PlanStep } & FailureReport)[];
  /** The differences that remain. */
  left: NodeDifference[];
  /** Differences that cannot be changed; they are not failures. */
  fixed: ImmutableDifference[];
}

/**
 * Inspects the cluster again after each stage, so that other changes and interrupted runs need no
 * special case. A failed machine is left alone; a failed manager stops everything.
 * @throws UserError, with nothing changed; ExternalError when no manager responds; AbortError
 */
export async function provisionCluster(input: ProvisionInput, context: Context): Promise<ProvisionReport> {
  for (const advice of managerAdvice(input.groups)) context.reporter.warn(advice);
  const run = new ProvisionRun(input, context);
  for (;;) {
    const plan = await planWhenKnown(input, context);
    const stage = run.next(plan);
    if (!stage) {
      if (plan.observation.cluster.swarm === 'present') await finish(input, plan, context);
      for (const text of immutableTexts(plan.fixed)) context.reporter.warn(text);
      return run.report(plan);
    }
    await run.perform(stage, plan);
    context.signal.throwIfAborted();
  }
}

/** Waits for the swarm's state unless there are steps that do not need it. @throws the obstacle */
function planWhenKnown(input: ClusterPlanInput, context: Context): Promise<ObservedPlan> {
  return context.reporter.stage('Inspecting the swarm', async (stage) => {
    const check = async (): Promise<ObservedPlan | Pending> => {
      const plan = await observeAndPlan(input, context);
      const { obstacle } = plan.observation;
      if (!obstacle || plan.stages.length > 0) return plan;
      stage.retry(obstacle.message);
      return new Pending(obstacle);
    };
    return poll(check, { timeoutMs: electionTimeoutMs, intervalMs: 1_000, signal: context.signal });
  });
}

async function finish(input: ClusterPlanInput, plan: ObservedPlan, context: Context): Promise<void> {
  await chooseActive(input, context);
  await forgetUpgrades(matchingNodes(input, plan), context);
}

/** The record of an interrupted resize is obsolete where the node matches its group. */
function matchingNodes({ groups }: ClusterPlanInput, { differences, observation }: ObservedPlan): string[] {
  const wanted = new Set(groups.flatMap(({ nodes }) => nodes));
  const differing = new Set(differences.map(({ name }) => name));
  return observation.cluster.present.flatMap(({ name, node }) =>
    node && wanted.has(name) && !differing.has(name) ? [node.id] : [],
  );
}

/** An earlier run may have been interrupted between initializing the swarm and this step. */
async function chooseActive({ groups }: ClusterPlanInput, { cluster }: Context): Promise<void> {
  const first = groups.find(({ role }) => role === 'manager')?.nodes[0];
  if (first !== undefined && !(await cluster.activeMachine())) await cluster.setActiveMachine(first);
}

class ProvisionRun {
  private readonly done: PlanStep[] = [];
  private readonly failed: ProvisionReport['failed'] = [];
  private readonly seen = new Set<string>();
  private isStopped = false;

  constructor(
    private readonly input: ProvisionInput,
    private readonly context: Context,
  ) {}

  /** Undefined when nothing can continue without the failed machines. */
  next({ stages }: ObservedPlan): PlanStage | undefined {
    const skipped = new Set(this.failed.map(({ step }) => step.name));
    const needsSkipped = stages.some(({ steps }) =>
      steps.some(({ does, name }) => does === 'init' && skipped.has(name)),
    );
    if (this.isStopped || needsSkipped) return undefined;
    const [stage] = stages
      .map(({ order, steps }) => ({ order, steps: steps.filter(({ name }) => !skipped.has(name)) }))
      .filter(({ steps }) => steps.length > 0);
    return stage;
  }

  async perform(stage: PlanStage, { observation }: ObservedPlan): Promise<void> {
    const repeated = stage.steps.filter((step) => this.seen.has(JSON.stringify(step)));
    for (const step of repeated) this.fail(step, notLasting(step));
    const steps = stage.steps.filter((step) => !repeated.includes(step));
    for (const step of steps) this.seen.add(JSON.stringify(step));
    const work = { input: this.input, observation, context: this.context };
    await checkStage({ ...stage, steps }, work);
    const ends = await performStage({ ...stage, steps }, work);
    for (const { step, outcome } of ends) {
      if (outcome.status === 'ok') this.done.push(step);
      if (outcome.status === 'failed') this.fail(step, outcome.error);
    }
    this.isStopped = stage.order === 'one by one' && ends.some(({ outcome }) => outcome.status !== 'ok');
    this.input.onStage(ends);
  }

  report({ differences, fixed }: ObservedPlan): ProvisionReport {
    const left = differences.filter(({ status }) => this.input.prune || status !== 'extra');
    return { done: this.done, failed: this.failed, left, fixed };
  }

  private fail(step: PlanStep, error: Error): void {
    this.failed.push({ step, ...reportFailure(error) });
  }
}

/** Something else undoes the step, or it had no effect: repeating it would not help. */
function notLasting({ does, name }: PlanStep): ExternalError {
  return new ExternalError(`${name}: "${does}" was performed but has no lasting effect`, {
    hint: 'belt cluster plan',
  });
}
