import type { Context } from '../app/context.js';
import { fanOut, type Outcome, queryAll, sortOutcomes } from '../app/fan-out.js';
import type { Step } from '../app/reporter.js';
import type { EngineWork, ManagerRestart, RollingRestart } from '../app/rolling-restart.js';
import { whileSwarmClaimed } from '../app/with-claim.js';
import { ExternalError, explanationOf, rethrowAbort } from '../base/errors.js';
import { waitUntilClear } from '../base/poll.js';
import type { Machine } from '../machines/model/machine.js';
import { membershipOf, withEngineWithin } from './membership.js';
import { readNodes, type SwarmNode } from './model/swarm-node.js';
import { findManagers, type GuardedManager, requireRestartable } from './quorum-guard.js';
import { nodesSeenFrom } from './stable-view.js';

export function rollingRestart(context: Context): RollingRestart {
  return {
    restartEngines: (machines, work) => restartEngines(machines, work, context),
    withManagerRestarts: (machines, options, work) => withManagerRestarts(machines, options, context, work),
  };
}

/** See `RollingRestart`. */
export async function restartEngines<T>(
  machines: readonly Machine[],
  { work, doneMessage, continueOnError = false, force }: EngineWork<T>,
  context: Context,
): Promise<Outcome<T>[]> {
  const { signal, reporter } = context;
  const progress = reporter.open(machines.map(({ name }) => name));
  const stepOf =
    ({ name }: Machine) =>
    (text: string) =>
      progress.update(name, text);
  const broken = new AbortController();
  const onFailure = (name: string, outcome: Outcome<unknown>): void => {
    if (outcome.status === 'failed') progress.failed(name, explanationOf(outcome.error));
  };
  const onManagerEnd = (name: string, outcome: Outcome<unknown>): void => {
    onFailure(name, outcome);
    if (outcome.status === 'failed' && !continueOnError) broken.abort();
  };
  try {
    const managers = await sortForRestart(machines, context);
    const restarts = managers.map((manager) => new ManagerRestartWait(manager, force, context));
    const restartManager = async (restart: ManagerRestartWait): Promise<T> => {
      const { machine } = restart;
      const value = await work(machine, stepOf(machine), () => restart.require());
      await restart.waitUntilBack(stepOf(machine));
      progress.done(machine.name, doneMessage(value));
      return value;
    };
    const restartOther = async (machine: Machine): Promise<T> => {
      const value = await work(machine, stepOf(machine), async () => {});
      progress.done(machine.name, doneMessage(value));
      return value;
    };
    const managerNames = new Set(restarts.map(({ name }) => name));
    const others = machines.filter(({ name }) => !managerNames.has(name));
    const stop = AbortSignal.any([signal, broken.signal]);
    const sequentially = { signal: stop, limit: 1, onEnd: onManagerEnd };
    const outcomes = [
      ...(await whileManagersRestart(managers, context, () =>
        fanOut(restarts, restartManager, sequentially),
      )),
      ...(await fanOut(others, restartOther, { signal, onEnd: onFailure })),
    ];
    return sortOutcomes(
      machines.map(({ name }) => name),
      outcomes,
    );
  } finally {
    await progress.close();
  }
}

/** @throws UserError while another belt changes the swarm */
function whileManagersRestart<T>(
  managers: readonly GuardedManager[],
  context: Context,
  work: () => Promise<T>,
): Promise<T> {
  return managers.length > 0 ? whileSwarmClaimed('restarted', context, work) : work();
}

/** Leaders after other managers; last, those that belt cannot log in to. */
async function sortForRestart(machines: readonly Machine[], context: Context): Promise<GuardedManager[]> {
  const managers = await findManagers(machines, context);
  const rankOf = async ({ machine, source }: GuardedManager): Promise<number> => {
    if (machine !== source) return 2;
    const node = await ownNode(machine, context).catch(rethrowAbort);
    return node?.leader ? 1 : 0;
  };
  const subjects = managers.map((manager) => ({ ...manager, name: manager.machine.name }));
  const { answers } = await queryAll(subjects, rankOf, context.signal);
  const ranks = new Map(answers.map(({ subject, value }) => [subject.name, value]));
  const rank = ({ machine }: GuardedManager): number => ranks.get(machine.name) ?? 0;
  return managers.toSorted((one, other) => rank(one) - rank(other));
}

/** An election and the reconnect of the agent take up to 20 s. */
const backTimeoutMs = 90_000;

/** See `RollingRestart`. */
async function withManagerRestarts(
  machines: readonly Machine[],
  { force }: { force: boolean },
  context: Context,
  work: (restarts: readonly ManagerRestart[]) => Promise<void>,
): Promise<void> {
  const managers = await sortForRestart(machines, context);
  const restarts = managers.map((manager) => new ManagerRestartWait(manager, force, context));
  await whileManagersRestart(managers, context, () => work(restarts));
}

class ManagerRestartWait implements ManagerRestart {
  /** The node's id; undefined without a quorum to wait for. */
  private awaited: string | undefined;

  constructor(
    private readonly manager: GuardedManager,
    private readonly force: boolean,
    private readonly context: Context,
  ) {}

  get machine(): Machine {
    return this.manager.machine;
  }

  get name(): string {
    return this.machine.name;
  }

  async require(): Promise<void> {
    const { manager, force, context } = this;
    this.awaited = await requireRestartable(manager, { action: 'restarting', force }, context);
  }

  async waitUntilBack(step: Step): Promise<void> {
    const { awaited, context } = this;
    const { machine, source } = this.manager;
    await (await context.unlockKeys()).unlock(machine, step);
    if (awaited === undefined) return;
    step('waiting until it is back in its swarm');
    const obstacle = async (): Promise<string | undefined> => {
      const nodes = await nodesSeenFrom(source, context).catch(rethrowAbort);
      const node = nodes?.find(({ id }) => id === awaited);
      if (node?.status === 'ready' && node.reachability === 'reachable') return undefined;
      return node ? `${node.status}, ${node.reachability ?? 'not a manager'}` : 'no response';
    };
    await waitUntilClear(
      obstacle,
      { timeoutMs: backTimeoutMs, signal: context.signal },
      (last) =>
        new ExternalError(
          `the swarm of ${machine.name} does not list it as a reachable manager after ${backTimeoutMs / 1000} s: ${last}`,
          { hint: 'belt swarm status' },
        ),
    );
  }
}

const ownNodeTimeoutMs = 5_000;

function ownNode(machine: Machine, context: Context): Promise<SwarmNode | undefined> {
  return withEngineWithin(machine, ownNodeTimeoutMs, context, async (api, signal) => {
    const nodes = readNodes(await api.nodes({ signal }));
    const { nodeId } = await membershipOf(api, { signal });
    return nodes.find(({ id }) => id === nodeId);
  });
}
