import { setTimeout as sleep } from 'node:timers/promises';
import { type FailureReport, reportFailure } from '../app/batch-report.js';
import type { Context } from '../app/context.js';
import { ExternalError } from '../base/errors.js';
import { electionTimeoutMs } from '../swarm/election.js';
import { forgetUpgrades } from '../swarm/upgrade/upgrade-record.js';
import { type Fixed, fixedTexts } from './immutable-settings.js';
import type { NodeDifference } from './model/compare.js';
import type { Stage, Step } from './model/plan-stages.js';
import { checkStage, performStage, type StepEnd } from './perform-stage.js';
import { adviceFor, lookAndPlan, type PlanInput, type PlanNow } from './plan-cluster.js';
import type { StepsInput } from './stage-work.js';

export interface ProvisionInput extends PlanInput, StepsInput {
  /** Called as each stage ends. */
  onStage: (ends: readonly StepEnd[]) => void;
}

export interface ProvisionReport {
  /** In the order in which it was done. */
  done: Step[];
  failed: ({ step: Step } & FailureReport)[];
  /** The differences that remain. */
  left: NodeDifference[];
  /** Differences that cannot be changed; they are not failures. */
  fixed: Fixed[];
}

/**
 * Brings a cluster to its wanted state. It inspects the cluster again after each stage, so changes
 * made by others and unfinished earlier runs need no special case. A machine on which a step failed
 * is left alone while the others continue; a failed manager stops everything.
 * @throws UserError, with nothing changed, for what only the user can resolve; ExternalError when
 * no manager responds; AbortError
 */
export async function provisionCluster(input: ProvisionInput, context: Context): Promise<ProvisionReport> {
  for (const advice of adviceFor(input.groups)) context.reporter.warn(advice);
  const run = new ProvisionRun(input, context);
  for (;;) {
    const plan = await planWhenKnown(input, context);
    const stage = run.next(plan);
    if (!stage) {
      if (plan.observation.cluster.swarm === 'there') await finish(input, plan, context);
      for (const text of fixedTexts(plan.fixed)) context.reporter.warn(text);
      return run.report(plan);
    }
    await run.perform(stage, plan);
    context.signal.throwIfAborted();
  }
}

/**
 * Plans once the state of the swarm is known, or as far as there are steps to take before that.
 * @throws why the state is unknown
 */
function planWhenKnown(input: PlanInput, context: Context): Promise<PlanNow> {
  return context.reporter.stage('Inspecting the swarm', async (stage) => {
    const deadline = Date.now() + electionTimeoutMs;
    for (;;) {
      const plan = await lookAndPlan(input, context);
      const { obstacle } = plan.observation;
      if (!obstacle || plan.stages.length > 0) return plan;
      if (Date.now() > deadline) throw obstacle;
      stage.retry(obstacle.message);
      await sleep(1_000, undefined, { signal: context.signal });
    }
  });
}

async function finish(input: PlanInput, plan: PlanNow, context: Context): Promise<void> {
  await chooseActive(input, context);
  await forgetUpgrades(matchingNodes(input, plan), context);
}

/** The record of an interrupted resize is obsolete where the node matches its group. */
function matchingNodes({ groups }: PlanInput, { differences, observation }: PlanNow): string[] {
  const wanted = new Set(groups.flatMap(({ nodes }) => nodes));
  const differing = new Set(differences.map(({ name }) => name));
  return observation.cluster.present.flatMap(({ name, node }) =>
    node && wanted.has(name) && !differing.has(name) ? [node.id] : [],
  );
}

/**
 * An earlier run may have been interrupted after the swarm was initialized but before this step.
 */
async function chooseActive({ groups }: PlanInput, { cluster }: Context): Promise<void> {
  const first = groups.find(({ role }) => role === 'manager')?.nodes[0];
  if (first !== undefined && !(await cluster.activeHost())) await cluster.setActiveHost(first);
}

class ProvisionRun {
  private readonly done: Step[] = [];
  private readonly failed: ProvisionReport['failed'] = [];
  private readonly seen = new Set<string>();
  private isStopped = false;

  constructor(
    private readonly input: ProvisionInput,
    private readonly context: Context,
  ) {}

  /**
   * The next stage, without machines on which a step failed; undefined when nothing can continue
   * without them.
   */
  next({ stages }: PlanNow): Stage | undefined {
    const given = new Set(this.failed.map(({ step }) => step.name));
    const isLost = stages.some(({ steps }) =>
      steps.some(({ does, name }) => does === 'init' && given.has(name)),
    );
    if (this.isStopped || isLost) return undefined;
    const [stage] = stages
      .map(({ order, steps }) => ({ order, steps: steps.filter(({ name }) => !given.has(name)) }))
      .filter(({ steps }) => steps.length > 0);
    return stage;
  }

  async perform(stage: Stage, { observation }: PlanNow): Promise<void> {
    const again = stage.steps.filter((step) => this.seen.has(JSON.stringify(step)));
    for (const step of again) this.fail(step, didNotLast(step));
    const steps = stage.steps.filter((step) => !again.includes(step));
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

  report({ differences, fixed }: PlanNow): ProvisionReport {
    const left = differences.filter(({ status }) => this.input.prune || status !== 'extra');
    return { done: this.done, failed: this.failed, left, fixed };
  }

  private fail(step: Step, error: Error): void {
    this.failed.push({ step, ...reportFailure(error) });
  }
}

/** Something else undoes the step, or it had no effect: repeating it would not help. */
function didNotLast({ does, name }: Step): ExternalError {
  return new ExternalError(`${name}: "${does}" was done, and is not so any more`, {
    hint: 'see what is: belt cluster plan',
  });
}
