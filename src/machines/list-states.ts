import type { Context } from '../app/context.js';
import { fanOut, type Named } from '../app/fan-out.js';
import { messageOf } from '../base/errors.js';
import { groupBy } from '../base/group-by.js';
import { withTimeout } from '../base/with-timeout.js';
import { engineStatus, hasEndpoint } from '../engine/engine-status.js';
import { activeName } from './active-machine.js';
import { damagedRow, type ListedMachine, type MachineSummary, observe, summarize } from './list-machines.js';
import { engineEndpoint, type Machine } from './model/machine.js';

/** A row of `ls`: the record, and what the provider and the engine report. */
export interface MachineStateRow extends MachineSummary {
  url?: string;
  /** The engine's version; undefined when not queried or unresponsive. */
  docker?: string;
  /** `manager`, `worker` or another state of the engine's; empty outside a swarm. */
  swarm?: string;
  /** The engine's labels, `key=value`. */
  labels: readonly string[];
  /** Milliseconds that provider and engine took. */
  responseMs: number;
}

interface ListStatesOptions {
  /** Per machine. */
  timeoutMs: number;
  /** $DOCKER_HOST, which identifies the active machine when none was chosen. */
  dockerHost?: string | undefined;
  /** Selects the machines to query by their records. */
  only?: (machine: Machine) => boolean;
  /** Whether to query the engines; default: true. */
  engines?: boolean;
}

/**
 * An unresponsive machine only affects its own row. Stopped machines' engines are not queried.
 * @throws UserError, ExternalError for an unreadable settings file
 */
export async function listMachineStates(
  { timeoutMs, dockerHost, only = () => true, engines = true }: ListStatesOptions,
  context: Context,
): Promise<MachineStateRow[]> {
  const { machines, damaged } = await context.cluster.machines();
  const wanted = machines.filter(only);
  // Concerns all machines, while a driver's own failure only affects its rows.
  if (wanted.length > 0) await context.settings.requireReadable();
  const active = await activeName(dockerHost, machines, context);
  const rows = new Map<string, MachineStateRow>();
  const queryGroup = async (group: readonly Machine[]): Promise<void> => {
    const start = performance.now();
    const observed = await observeWithin(group, timeoutMs, context);
    const listed = observed.map((row) => {
      const { name } = row.machine;
      return { ...row, name, active: name === active };
    });
    const driverMs = performance.now() - start;
    const query = async ({ name, ...row }: ListedMachine & Named): Promise<void> => {
      const queryStart = performance.now();
      const status = engines ? await queryEngine(row, timeoutMs, context) : {};
      rows.set(name, stateRow(row, status, driverMs + performance.now() - queryStart));
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

type EngineColumns = Pick<MachineStateRow, 'docker' | 'swarm' | 'error'>;

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
): Promise<EngineColumns> {
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

function stateRow(row: ListedMachine, status: EngineColumns, responseMs: number): MachineStateRow {
  const url = engineEndpoint(row.machine)?.url;
  return {
    ...summarize(row),
    ...(url !== undefined && { url }),
    ...status,
    labels: row.machine.engine?.labels ?? [],
    responseMs: Math.round(responseMs),
  };
}
