import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../app/context.js';
import { ExternalError, explanationOf } from '../base/errors.js';
import { forgetUpgrades } from '../swarm/upgrade/review-record.js';
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
  failed: { step: Step; error: string }[];
  /** What is still not as it is to be. */
  left: NodeDifference[];
  /** What is not as it is to be and cannot be changed; nothing fails on it. */
  fixed: Fixed[];
}

/**
 * Makes a cluster what it is to be. After each stage it looks anew, so what others do meanwhile, and what an earlier run left half
 * done, is nothing special. A machine on which something failed is left at that, the others go on; where managers cannot be made what
 * they are to be, nothing goes on.
 * @throws UserError, with nothing changed, for what only the person can sort out; ExternalError when nobody answers; AbortError
 */
export async function provisionCluster(input: ProvisionInput, context: Context): Promise<ProvisionReport> {
  for (const advice of adviceFor(input.groups)) context.reporter.warn(advice);
  const run = new Run(input, context);
  for (;;) {
    const plan = await settledPlan(input, context);
    const stage = run.next(plan);
    if (!stage) {
      if (plan.observation.cluster.swarm === 'there') await settle(input, plan, context);
      for (const text of fixedTexts(plan.fixed)) context.reporter.warn(text);
      return run.report(plan);
    }
    await run.perform(stage, plan);
    context.signal.throwIfAborted();
  }
}

/** An election after the leader's loss, with the time that managers hold questions back before it. */
const electionMs = 60_000;

/**
 * The plan once it is known what swarm there is, or with what is to be done before that.
 * @throws why nobody can tell
 */
function settledPlan(input: PlanInput, context: Context): Promise<PlanNow> {
  return context.reporter.stage('Inspecting the swarm', async (stage) => {
    const deadline = Date.now() + electionMs;
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

async function settle(input: PlanInput, plan: PlanNow, context: Context): Promise<void> {
  await chooseActive(input, context);
  await forgetUpgrades(nodesAsWanted(input, plan), context);
}

/** What a node was before a resize that was cut short is of no matter where it is what its group wants. */
function nodesAsWanted({ groups }: PlanInput, { differences, observation }: PlanNow): string[] {
  const wanted = new Set(groups.flatMap(({ nodes }) => nodes));
  const differing = new Set(differences.map(({ name }) => name));
  return observation.cluster.present.flatMap(({ name, node }) =>
    node && wanted.has(name) && !differing.has(name) ? [node.id] : [],
  );
}

/** An earlier run may have been cut off between the swarm's begin and this. */
async function chooseActive({ groups }: PlanInput, { cluster }: Context): Promise<void> {
  const first = groups.find(({ role }) => role === 'manager')?.nodes[0];
  if (first !== undefined && !(await cluster.activeHost())) await cluster.setActiveHost(first);
}

class Run {
  private readonly done: Step[] = [];
  private readonly failed: ProvisionReport['failed'] = [];
  private readonly seen = new Set<string>();
  private broken = false;

  constructor(
    private readonly input: ProvisionInput,
    private readonly context: Context,
  ) {}

  /** What is to be done now; without machines that were given up, and nothing when there is no going on without one. */
  next({ stages }: PlanNow): Stage | undefined {
    const given = new Set(this.failed.map(({ step }) => step.name));
    const isLost = stages.some(({ steps }) =>
      steps.some(({ does, name }) => does === 'init' && given.has(name)),
    );
    if (this.broken || isLost) return undefined;
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
    this.broken = stage.order === 'one by one' && ends.some(({ outcome }) => outcome.status !== 'ok');
    this.input.onStage(ends);
  }

  report({ differences, fixed }: PlanNow): ProvisionReport {
    const left = differences.filter(({ status }) => this.input.prune || status !== 'extra');
    return { done: this.done, failed: this.failed, left, fixed };
  }

  private fail(step: Step, error: Error): void {
    this.failed.push({ step, error: explanationOf(error) });
  }
}

/** Somebody undoes what is done here, or it had no effect: once more would not help. */
function didNotLast({ does, name }: Step): ExternalError {
  return new ExternalError(`${name}: "${does}" was done, and is not so any more`, {
    hint: 'see what is: belt cluster plan',
  });
}
