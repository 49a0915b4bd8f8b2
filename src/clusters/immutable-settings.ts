import type { Context } from '../app/context.js';
import { groupBy } from '../base/group-by.js';
import { engineSettingsOf } from '../engine/provision-engine.js';
import { foldNames } from '../machines/model/fold-names.js';
import type { Machine } from '../machines/model/machine.js';
import type { Group } from './model/group.js';
import type { Observation } from './observe-cluster.js';

/**
 * A setting that a machine was created with and cannot change, where its group wants another value.
 */
export interface Fixed {
  name: string;
  group: string;
  /** Of the driver, as in settings files; or `storage_driver of the engine`. */
  key: string;
  is: string;
  wanted: string;
}

/**
 * Compares only what a group sets itself: flags and cluster-wide settings of the time of creation
 * do not count.
 */
export async function fixedOf(
  groups: readonly Group[],
  observation: Observation,
  context: Context,
): Promise<Fixed[]> {
  const there = existingMachines(observation);
  const found = groups.map(async (group) => {
    const machines = group.nodes.flatMap((name) => there.get(name) ?? []);
    return [
      ...(await otherSettings(machines, group, context)),
      ...machines.flatMap((machine) => otherStorage(machine, group)),
    ];
  });
  return (await Promise.all(found)).flat();
}

/** The machines that exist; one that its provider has lost is created again anyway. */
function existingMachines({ machines, cluster }: Observation): Map<string, Machine> {
  const lost = new Set(
    cluster.present.flatMap(({ name, machine }) => (machine?.state === 'missing' ? [name] : [])),
  );
  const there = [...machines.values()].filter(({ name, phase }) => phase === 'ready' && !lost.has(name));
  return new Map(there.map((machine) => [machine.name, machine]));
}

async function otherSettings(
  machines: readonly Machine[],
  { name: group, driver: driverName, settings }: Group,
  context: Context,
): Promise<Fixed[]> {
  const said = Object.entries(settings);
  if (machines.length === 0 || said.length === 0) return [];
  const driver = await context.driver(driverName);
  return machines.flatMap((machine) => {
    const made = driver.createdWith?.(machine) ?? {};
    return said.flatMap(([key, { value }]) => {
      const [is, wanted] = [String(made[key] ?? value), String(value)];
      return is === wanted ? [] : [{ name: machine.name, group, key, is, wanted }];
    });
  });
}

/** With another storage driver an engine would no longer see its containers and images. */
function otherStorage(machine: Machine, { name: group, engine, engineSaid }: Group): Fixed[] {
  const is = engineSettingsOf(machine).storageDriver ?? 'none';
  const wanted = engine.storageDriver;
  if (wanted === undefined || wanted === is || !engineSaid.includes('storage_driver')) return [];
  return [{ name: machine.name, group, key: 'storage_driver of the engine', is, wanted }];
}

/** One line for all machines with the same difference. */
export function fixedTexts(fixed: readonly Fixed[]): string[] {
  const alike = groupBy(fixed, ({ group, key, is, wanted }) => JSON.stringify([group, key, is, wanted]));
  return [...alike.values()].map((same) => {
    const [{ group, key, is, wanted }] = same as [Fixed];
    const names = foldNames(same.map(({ name }) => name)).join(',');
    return `${names}: ${key} is ${is}, and ${group} wants ${wanted}; recreate the machine to change it: belt rm ${names}, and belt cluster provision`;
  });
}
