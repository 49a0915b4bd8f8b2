import type { Context } from '../app/context.js';
import { groupBy } from '../base/group-by.js';
import { engineSettingsOf } from '../engine/provision-engine.js';
import { foldNames } from '../machines/model/fold-names.js';
import type { Machine } from '../machines/model/machine.js';
import type { Group } from './model/group.js';
import type { Observation } from './observe-cluster.js';

/** A setting that cannot change after a machine's creation, where its group wants another value. */
export interface ImmutableDifference {
  name: string;
  group: string;
  /** A driver setting, or `storage_driver of the engine`. */
  key: string;
  is: string;
  wanted: string;
}

/** Compares only what a group sets itself, without flags and cluster-wide settings. */
export async function findImmutable(
  groups: readonly Group[],
  observation: Observation,
  context: Context,
): Promise<ImmutableDifference[]> {
  const existing = existingMachines(observation);
  const found = groups.map(async (group) => {
    const machines = group.nodes.flatMap((name) => existing.get(name) ?? []);
    return [
      ...(await changedDriverSettings(machines, group, context)),
      ...machines.flatMap((machine) => changedStorageDriver(machine, group)),
    ];
  });
  return (await Promise.all(found)).flat();
}

/** Without machines missing at their provider, which are created again anyway. */
function existingMachines({ machines, cluster }: Observation): Map<string, Machine> {
  const lost = new Set(
    cluster.present.flatMap(({ name, machine }) => (machine?.state === 'missing' ? [name] : [])),
  );
  const existing = [...machines.values()].filter(({ name, phase }) => phase === 'ready' && !lost.has(name));
  return new Map(existing.map((machine) => [machine.name, machine]));
}

async function changedDriverSettings(
  machines: readonly Machine[],
  { name: group, driver: driverName, settings }: Group,
  context: Context,
): Promise<ImmutableDifference[]> {
  const declared = Object.entries(settings);
  if (machines.length === 0 || declared.length === 0) return [];
  const driver = await context.driver(driverName);
  return machines.flatMap((machine) => {
    const createdWith = driver.createdWith?.(machine) ?? {};
    return declared.flatMap(([key, { value }]) => {
      const [is, wanted] = [String(createdWith[key] ?? value), String(value)];
      return is === wanted ? [] : [{ name: machine.name, group, key, is, wanted }];
    });
  });
}

/** An engine with another storage driver does not see its existing containers and images. */
function changedStorageDriver(
  machine: Machine,
  { name: group, engine, ownEngineKeys }: Group,
): ImmutableDifference[] {
  const is = engineSettingsOf(machine).storageDriver ?? 'none';
  const wanted = engine.storageDriver;
  if (wanted === undefined || wanted === is || !ownEngineKeys.includes('storage_driver')) return [];
  return [{ name: machine.name, group, key: 'storage_driver of the engine', is, wanted }];
}

export function immutableTexts(fixed: readonly ImmutableDifference[]): string[] {
  const alike = groupBy(fixed, ({ group, key, is, wanted }) => JSON.stringify([group, key, is, wanted]));
  return [...alike.values()].map((same) => {
    const [{ group, key, is, wanted }] = same as [ImmutableDifference];
    const names = foldNames(same.map(({ name }) => name)).join(',');
    return `${names}: ${key} is ${is}, but group ${group} wants ${wanted}; to recreate the machines: belt rm ${names}, then belt cluster provision`;
  });
}
