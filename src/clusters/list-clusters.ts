import type { Context } from '../app/context.js';
import { explanationOf, UserError } from '../base/errors.js';
import { folderExists } from '../base/files.js';
import { withTimeout } from '../base/with-timeout.js';
import { observe } from '../machines/list-machines.js';
import type { Machine } from '../machines/model/machine.js';
import { NoSwarmError } from '../swarm/find-manager.js';
import { type Member, memberName } from '../swarm/model/members.js';
import { withSwarm } from '../swarm/session.js';

export interface ClusterSummary {
  name: string;
  active: boolean;
  leader?: string;
  managers: string[];
  /** The number of running machines; undefined if unknown. */
  running?: number;
  machines: number;
  /** Why values are unknown. */
  errors: string[];
}

/** All clusters at once: an unresponsive one only affects its own row. */
export async function listClusters(
  { timeoutMs }: { timeoutMs: number },
  context: Context,
): Promise<ClusterSummary[]> {
  const { clusters, cluster } = context;
  const names = new Set([...(await clusters.names()), cluster.name]);
  const all = await Promise.all([...names].sort().map((name) => contextOf(name, context)));
  const shown: Context[] = [];
  // The default cluster is never created explicitly: it is listed once it has a folder.
  for (const each of all) if (each === context || (await folderExists(each.cluster.folder))) shown.push(each);
  return Promise.all(shown.map((each) => summarize(each, timeoutMs, context)));
}

async function contextOf(name: string, context: Context): Promise<Context> {
  return name === context.cluster.name ? context : context.clusters.context(name);
}

async function summarize(
  of: Context,
  timeoutMs: number,
  { cluster: inUse }: Context,
): Promise<ClusterSummary> {
  const { name, folder } = of.cluster;
  const { machines, damaged } = await of.cluster.machines();
  const errors = damaged.map(({ error }) => error.message);
  const find = async <T>(what: (within: Context) => Promise<T>): Promise<T | undefined> => {
    try {
      return await withTimeout(timeoutMs, of.signal, (signal) => what({ ...of, signal }));
    } catch (error) {
      of.signal.throwIfAborted();
      errors.push(explanationOf(error));
      return undefined;
    }
  };
  const running = await find((within) => runningMachines(machines, within));
  const members = running && running.length > 0 ? await find(managersOf) : [];
  const leader = members?.find(({ node }) => node.leader);
  return {
    name,
    active: folder === inUse.folder,
    ...(leader && { leader: memberName(leader) }),
    managers: (members ?? []).map(memberName),
    ...(running && { running: running.length }),
    machines: machines.length + damaged.length,
    errors,
  };
}

/** @throws when a provider does not respond */
async function runningMachines(machines: readonly Machine[], context: Context): Promise<Machine[]> {
  const rows = await observe(machines, context);
  const failed = rows.find(({ state, error }) => state === 'error' && error !== undefined);
  if (failed) throw new UserError(`${failed.machine.driver}: ${failed.error}`);
  return rows.filter(({ state }) => state === 'running').map(({ machine }) => machine);
}

/** Managers of the cluster's swarm, the leader first; empty without a swarm. */
async function managersOf(context: Context): Promise<Member[]> {
  try {
    const members = await withSwarm({ noWait: true }, context, (swarm) => swarm.members());
    return members.filter(({ node }) => node.role === 'manager');
  } catch (error) {
    if (error instanceof NoSwarmError) return [];
    throw error;
  }
}
