import { reach } from '../app/connect-ssh.js';
import type { Context } from '../app/context.js';
import { fanOut, type Named, type Outcome, sortOutcomes } from '../app/fan-out.js';
import type { EngineWork } from '../app/rolling-restart.js';
import { whileClaimed } from '../app/with-claim.js';
import { UserError } from '../base/errors.js';
import { groupBy } from '../base/group-by.js';
import { provisionEngine } from '../engine/provision-engine.js';
import { authorizeClusterKey } from '../machines/cluster-keys.js';
import type { FoundMachine, Machine, MachineState } from '../machines/model/machine.js';
import { restartEngines } from '../swarm/rolling-restart.js';

interface RebuildInput {
  driver: string;
  /** Name or ID, if the provider has several. */
  cluster?: string | undefined;
  /** Name of the cluster here. Default: its former name. */
  as?: string | undefined;
}

export interface RebuildPlan {
  cluster: { id: string; name: string };
  /** The context of the local cluster. */
  context: Context;
  /** Machines without a record. */
  lost: RebuiltMachine[];
  /** Recorded by an earlier run that could not provision their engines. */
  unfinished: RebuiltMachine[];
  /** Recorded and provisioned; not changed. */
  unchanged: string[];
}

interface RebuiltMachine {
  machine: Machine;
  state: MachineState;
}

/** Changes nothing. @throws UserError without exactly one such cluster at the provider */
export async function planRebuild(input: RebuildInput, context: Context): Promise<RebuildPlan> {
  const driverName = context.drivers.nameOf(input.driver);
  const driver = await context.driver(driverName);
  if (!driver.discover) {
    throw new UserError(`driver ${driverName} does not tag machines, so belt cannot find them`);
  }
  const found = choose(await driver.discover(context.signal), input);
  const [{ cluster }] = found as [FoundMachine];
  const own = context.cluster.byFolder ? context : await context.clusters.context(input.as ?? cluster.name);
  own.cluster.requireId(cluster.id);
  const { machines, damaged } = await own.cluster.machines();
  const recorded = new Map(machines.map((machine) => [machine.name, machine]));
  const taken = new Set([...machines, ...damaged].map(({ name }) => name));
  const lost = found
    .filter(({ name }) => !taken.has(name))
    .map((one) => ({ machine: recordOf(one, driverName, own), state: one.state }));
  const unfinished = found.flatMap(({ name, state }) => {
    const machine = recorded.get(name);
    return machine?.phase === 'ready' && !machine.engine ? [{ machine, state }] : [];
  });
  const rebuilt = new Set([...lost, ...unfinished].map(({ machine }) => machine.name));
  const unchanged = found.map(({ name }) => name).filter((name) => !rebuilt.has(name));
  return { cluster, context: own, lost, unfinished, unchanged };
}

/**
 * A machine that refuses the login is recorded and fails.
 * @param keyPath a private key that the machines accept
 * @throws UserError, with nothing changed, when the local cluster has another ID
 */
export async function rebuildCluster(
  { cluster, context, lost, unfinished }: RebuildPlan,
  { keyPath, timeoutMs }: { keyPath?: string; timeoutMs: number },
): Promise<Outcome<Machine>[]> {
  await context.cluster.establish(cluster.id);
  const all = [...unfinished, ...lost];
  const names = all.map(({ machine }) => machine.name);
  return whileClaimed(names, 'imported', context, async () => {
    await context.cluster.saveAll(lost.map(({ machine }) => machine));
    const authorized = await authorizeAll(
      all,
      { timeoutMs, ...(keyPath !== undefined && { keyPath }) },
      context,
    );
    context.signal.throwIfAborted();
    const reachable = authorized.flatMap((outcome) => (outcome.status === 'ok' ? [outcome.value] : []));
    const provisioned = await provisionEngines(reachable, context);
    return sortOutcomes(names, [...authorized.filter(({ status }) => status !== 'ok'), ...provisioned]);
  });
}

function choose(
  machines: readonly FoundMachine[],
  { driver, cluster: wanted }: RebuildInput,
): FoundMachine[] {
  const clusters = [...groupBy(machines, ({ cluster }) => cluster.id).values()];
  const matching = clusters.filter(([first]) => {
    const { id, name } = (first as FoundMachine).cluster;
    return wanted === undefined || wanted === id || wanted === name;
  });
  const [only, ...others] = matching;
  const list = (matching.length > 0 ? matching : clusters).map(describe).join('; ');
  if (only && others.length === 0) return only;
  if (only) {
    throw new UserError(`${driver} has ${matching.length} clusters: ${list}`, {
      hint: '--cluster NAME, or --cluster ID',
    });
  }
  if (clusters.length === 0) throw new UserError(`${driver} has no machines created by belt`);
  throw new UserError(`${driver} has no cluster "${wanted}"`, { hint: `use one of: ${list}` });
}

/** `default 5f0c... (node1, node2, node3 and 7 more)` */
function describe(machines: readonly FoundMachine[]): string {
  const [{ cluster }] = machines as [FoundMachine];
  const names = machines.map(({ name }) => name);
  const more = names.length > 3 ? ` and ${names.length - 3} more` : '';
  return `${cluster.name} ${cluster.id} (${names.slice(0, 3).join(', ')}${more})`;
}

/** Without engine settings: they follow once the engine is provisioned. */
function recordOf(found: FoundMachine, driver: string, { cluster }: Context): Machine {
  const { name, id, size, memory, addresses = {}, driverData = {}, ssh, createdAt } = found;
  return {
    name,
    driver,
    phase: 'ready',
    ...(id !== undefined && { id }),
    ...(size !== undefined && { size }),
    ...(memory !== undefined && { memory }),
    addresses,
    ssh: { keyPath: cluster.sshKeyPath, ...ssh },
    driverData,
    createdAt,
  };
}

async function authorizeAll(
  machines: readonly RebuiltMachine[],
  options: { keyPath?: string; timeoutMs: number },
  context: Context,
): Promise<Outcome<Machine>[]> {
  const subjects = machines.map((rebuilt) => ({ ...rebuilt, name: rebuilt.machine.name }));
  const progress = context.reporter.open(subjects.map(({ name }) => name));
  const work = async ({ name, machine, state }: RebuiltMachine & Named): Promise<Machine> => {
    if (state !== 'running') {
      throw new UserError(`recorded, but not provisioned: it is ${state}`, {
        hint: `belt start ${name}, then rerun the command`,
      });
    }
    await authorizeClusterKey(machine, { ...options, step: (text) => progress.update(name, text) }, context);
    return machine;
  };
  const hints = new Set<string>();
  const onEnd = (name: string, outcome: Outcome<unknown>): void => {
    if (outcome.status === 'failed') {
      progress.failed(name, outcome.error.message);
      if (outcome.error instanceof UserError && outcome.error.hint) hints.add(outcome.error.hint);
    }
    if (outcome.status === 'ok') progress.done(name, "cluster's key added");
  };
  try {
    return await fanOut(subjects, work, { signal: context.signal, onEnd });
  } finally {
    await progress.close();
    for (const hint of hints) context.reporter.note(`Try: ${hint}`);
  }
}

async function provisionEngines(machines: readonly Machine[], context: Context): Promise<Outcome<Machine>[]> {
  if (machines.length === 0) return [];
  const engine = await context.settings.engine();
  const work: EngineWork<Machine>['work'] = async (machine, step, beforeRestart) => {
    const ready: Machine = { ...machine, engine };
    await provisionEngine(ready, await reach(ready, context), { step, beforeRestart }, context);
    await context.cluster.save(ready);
    return ready;
  };
  return restartEngines(machines, { work, doneMessage: () => 'reconnected', force: false }, context);
}
