import type { Context } from '../app/context.js';
import { fanOut, type Named } from '../app/fan-out.js';
import { messageOf } from '../base/errors.js';
import { groupBy } from '../base/group-by.js';
import { withTimeout } from '../base/with-timeout.js';
import { engineStatus, hasEndpoint } from '../engine/engine-status.js';
import { activeName } from './active-machine.js';
import { damagedRow, type ListedMachine, type MachineSummary, observe, summarize } from './list-machines.js';
import { engineEndpoint, type Machine } from './model/machine.js';

/** A machine as `ls` shows it: the record, what the provider says, and what the engine says. */
export interface MachineStateRow extends MachineSummary {
  url?: string;
  /** The engine's version; absent when it was not asked or did not answer. */
  docker?: string;
  /** `manager`, `worker`, or another word of the engine's; empty outside of any swarm. */
  swarm?: string;
  /** Of the engine, `key=value`. */
  labels: readonly string[];
  /** Milliseconds that provider and engine took. */
  responseMs: number;
}

export interface ListStatesOptions {
  /** For each machine, from the moment that it is asked. */
  timeoutMs: number;
  /** $DOCKER_HOST, which says what is active where nothing was chosen. */
  dockerHost?: string | undefined;
  /** Which machines to ask at all, by what is recorded. */
  only?: (machine: Machine) => boolean;
  /** Whether to query the engines; default: true. */
  engines?: boolean;
}

/**
 * All machines of the cluster at once, each within its own time: an unresponsive one only affects its own row. The
 * engine of a machine that does not run is not asked.
 */
export async function listMachineStates(
  { timeoutMs, dockerHost, only = () => true, engines = true }: ListStatesOptions,
  context: Context,
): Promise<MachineStateRow[]> {
  const { machines, damaged } = await context.cluster.machines();
  const wanted = machines.filter(only);
  const active = await activeName(dockerHost, machines, context);
  const rows = new Map<string, MachineStateRow>();
  const queryGroup = async (group: readonly Machine[]): Promise<void> => {
    const begin = performance.now();
    const seen = await observeWithin(group, timeoutMs, context);
    const listed = seen.map((row) => {
      const { name } = row.machine;
      return { ...row, name, active: name === active };
    });
    const driverMs = performance.now() - begin;
    const query = async ({ name, ...row }: ListedMachine & Named): Promise<void> => {
      const asked = performance.now();
      const answer = engines ? await queryEngine(row, timeoutMs, context) : {};
      rows.set(name, stateRow(row, answer, driverMs + performance.now() - asked));
    };
    await fanOut(listed, query, { signal: context.signal });
  };
  await Promise.all([...groupBy(wanted, ({ driver }) => driver).values()].map(queryGroup));
  context.signal.throwIfAborted();
  return [
    ...wanted.flatMap(({ name }) => rows.get(name) ?? []),
    ...damaged
      .map(({ name, error }) => damagedRow(name, error.message))
      .filter(({ machine }) => only(machine))
      .map((row) => stateRow(row, {}, 0)),
  ];
}

type EngineAnswer = Pick<MachineStateRow, 'docker' | 'swarm' | 'error'>;

/** Machines of one driver; it is asked once for all of them. */
async function observeWithin(
  machines: readonly Machine[],
  timeoutMs: number,
  context: Context,
): Promise<Omit<ListedMachine, 'active'>[]> {
  try {
    return await withTimeout(timeoutMs, context.signal, (signal) =>
      observe(machines, { ...context, signal }),
    );
  } catch (error) {
    context.signal.throwIfAborted();
    return machines.map((machine) => ({ machine, state: 'timeout', error: messageOf(error) }));
  }
}

async function queryEngine(
  { machine, state }: ListedMachine,
  timeoutMs: number,
  context: Context,
): Promise<EngineAnswer> {
  if (state !== 'running' || machine.phase === 'creating' || !hasEndpoint(machine)) return {};
  try {
    const { version, swarm } = await withTimeout(timeoutMs, context.signal, (signal) =>
      engineStatus(machine, context, signal),
    );
    return { docker: version, swarm };
  } catch (error) {
    return { error: messageOf(error) };
  }
}

function stateRow(row: ListedMachine, answer: EngineAnswer, responseMs: number): MachineStateRow {
  const url = engineEndpoint(row.machine)?.url;
  return {
    ...summarize(row),
    ...(url !== undefined && { url }),
    ...answer,
    labels: row.machine.engine?.labels ?? [],
    responseMs: Math.round(responseMs),
  };
}
