import type { Context } from '../app/context.js';
import { groupBy } from '../base/group-by.js';
import { engineSettingsOf } from '../engine/provision-engine.js';
import { foldNames } from '../machines/model/fold-names.js';
import type { Machine } from '../machines/model/machine.js';
import type { Group } from './model/group.js';
import type { Observation } from './observe-cluster.js';

/** What a machine was made with and keeps, where its group wants something else: nothing that belt could do without making it anew. */
export interface Fixed {
  name: string;
  group: string;
  /** Of the driver, as in settings files; or `storage_driver of the engine`. */
  key: string;
  is: string;
  wanted: string;
}

/** Only what a group says itself counts: what machines were made with otherwise, by flags or for the whole cluster, is no difference. */
export async function fixedOf(
  groups: readonly Group[],
  observation: Observation,
  context: Context,
): Promise<Fixed[]> {
  const there = machinesThere(observation);
  const found = groups.map(async (group) => {
    const machines = group.nodes.flatMap((name) => there.get(name) ?? []);
    return [
      ...(await otherSettings(machines, group, context)),
      ...machines.flatMap((machine) => otherStorage(machine, group)),
    ];
  });
  return (await Promise.all(found)).flat();
}

/** Those that are made; one that its provider has lost is made anew anyway. */
function machinesThere({ machines, cluster }: Observation): Map<string, Machine> {
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
    const made = driver.madeWith?.(machine) ?? {};
    return said.flatMap(([key, { value }]) => {
      const [is, wanted] = [String(made[key] ?? value), String(value)];
      return is === wanted ? [] : [{ name: machine.name, group, key, is, wanted }];
    });
  });
}

/** With another storage driver an engine would see its containers and images no more. */
function otherStorage(machine: Machine, { name: group, engine, engineSaid }: Group): Fixed[] {
  const is = engineSettingsOf(machine).storageDriver ?? 'none';
  const wanted = engine.storageDriver;
  if (wanted === undefined || wanted === is || !engineSaid.includes('storage_driver')) return [];
  return [{ name: machine.name, group, key: 'storage_driver of the engine', is, wanted }];
}

/** A line for all machines of which the same is to be said. */
export function fixedTexts(fixed: readonly Fixed[]): string[] {
  const alike = groupBy(fixed, ({ group, key, is, wanted }) => JSON.stringify([group, key, is, wanted]));
  return [...alike.values()].map((same) => {
    const [{ group, key, is, wanted }] = same as [Fixed];
    const names = foldNames(same.map(({ name }) => name)).join(',');
    return `${names}: ${key} is ${is}, and ${group} wants ${wanted}; only a machine that is made anew has it: belt rm ${names}, and belt cluster provision`;
  });
}
