import { setTimeout as sleep } from 'node:timers/promises';
import { ExternalError, explanationOf, isAbort } from '../../errors.js';
import type { Machine } from '../../machines/machine.js';
import { readNodes, type SwarmNode } from '../../swarm/node.js';
import type { Context } from '../context.js';
import { fanOut, type Outcome } from '../fan-out.js';
import { membershipOf, withEngine } from '../swarm/membership.js';

export interface EngineWork {
  /** Restarts the engine, it may be. */
  work: (machine: Machine, step: (text: string) => void) => Promise<void>;
  /** On the machine's line at its end. */
  doneText: string;
  /** Goes on with the next manager of a swarm after one that failed. */
  carryOn?: boolean;
}

/**
 * Does work that restarts engines on many machines. Managers of a swarm go one after the other, the leader last, and each only when
 * the one before is back among them: together they would take the swarm its quorum. All others follow at the same time.
 */
export async function restartEngines(
  machines: readonly Machine[],
  { work, doneText, carryOn = false }: EngineWork,
  context: Context,
): Promise<Outcome<Machine>[]> {
  const { signal, reporter } = context;
  const byName = new Map(machines.map((machine) => [machine.name, machine]));
  const progress = reporter.open([...byName.keys()]);
  const step = (name: string) => (text: string) => progress.update(name, text);
  const one = async (name: string): Promise<Machine> => {
    const machine = byName.get(name) as Machine;
    await work(machine, step(name));
    return machine;
  };
  const broken = new AbortController();
  const onEnd = (name: string, outcome: Outcome<unknown>): void => {
    if (outcome.status === 'ok') progress.done(name, doneText);
    if (outcome.status === 'failed') progress.failed(name, explanationOf(outcome.error));
  };
  const onManagerEnd = (name: string, outcome: Outcome<unknown>): void => {
    onEnd(name, outcome);
    if (outcome.status === 'failed' && !carryOn) broken.abort();
  };
  try {
    const managers = await managersAmong(machines, context);
    const manager = async (name: string): Promise<Machine> => {
      const machine = await one(name);
      // A swarm without a quorum takes nobody back, and a restart takes nothing from it.
      if (managers.get(name)?.answers) await waitUntilBack(machine, step(name), context);
      return machine;
    };
    const others = [...byName.keys()].filter((name) => !managers.has(name));
    const stop = AbortSignal.any([signal, broken.signal]);
    const outcomes = [
      ...(await fanOut([...managers.keys()], manager, { signal: stop, limit: 1, onEnd: onManagerEnd })),
      ...(await fanOut(others, one, { signal, onEnd })),
    ];
    const ended = new Map(outcomes.map((outcome) => [outcome.name, outcome]));
    return machines.flatMap(({ name }) => ended.get(name) ?? []);
  } finally {
    await progress.close();
  }
}

interface Manager {
  leader: boolean;
  /** Its swarm has a quorum. */
  answers: boolean;
}

/** By their engines' own word, the leader last; one that does not answer takes part in no quorum now. */
async function managersAmong(machines: readonly Machine[], context: Context): Promise<Map<string, Manager>> {
  const byName = new Map(machines.map((machine) => [machine.name, machine]));
  const ask = (name: string): Promise<Manager | undefined> =>
    askManager(byName.get(name) as Machine, context);
  const outcomes = await fanOut([...byName.keys()], ask, { signal: context.signal });
  const managers = outcomes.flatMap((outcome): [string, Manager][] =>
    outcome.status === 'ok' && outcome.value ? [[outcome.name, outcome.value]] : [],
  );
  return new Map(managers.toSorted(([, one], [, other]) => Number(one.leader) - Number(other.leader)));
}

/** Undefined for a worker, and outside of any swarm. */
async function askManager(machine: Machine, context: Context): Promise<Manager | undefined> {
  return withEngine(machine, context, async (api) => {
    const { manager, nodeId } = await membershipOf(api);
    if (!manager) return undefined;
    try {
      const nodes = readNodes(await api.get('/nodes', { timeoutMs: 5_000, signal: context.signal }));
      return { leader: nodes.find(({ id }) => id === nodeId)?.leader ?? false, answers: true };
    } catch (error) {
      if (isAbort(error)) throw error;
      return { leader: false, answers: false };
    }
  });
}

/** An election and the agent's way back take up to 20 s. */
const backTimeoutMs = 90_000;

/** Managers answer for all: what one says of the nodes is the leader's view. */
async function waitUntilBack(
  machine: Machine,
  step: (text: string) => void,
  context: Context,
): Promise<void> {
  const { signal } = context;
  const deadline = Date.now() + backTimeoutMs;
  step('waiting until its swarm has it back');
  for (;;) {
    const node = await ownNode(machine, context);
    if (node?.status === 'ready' && node.reachability === 'reachable') return;
    if (Date.now() > deadline) {
      throw new ExternalError(
        `the swarm of ${machine.name} has not taken it back as a manager within ${backTimeoutMs / 1000} s`,
        { hint: 'see the managers: belt swarm ls' },
      );
    }
    await sleep(250, undefined, { signal });
  }
}

async function ownNode(machine: Machine, context: Context): Promise<SwarmNode | undefined> {
  try {
    return await withEngine(machine, context, async (api) => {
      const { nodeId } = await membershipOf(api);
      const nodes = readNodes(await api.get('/nodes', { timeoutMs: 5_000, signal: context.signal }));
      return nodes.find(({ id }) => id === nodeId);
    });
  } catch (error) {
    if (isAbort(error)) throw error;
    return undefined;
  }
}
