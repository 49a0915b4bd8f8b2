import type { Instance } from '@aws-sdk/client-ec2';
import type { Machine, ObservedMachine } from '../../machines/model/machine.js';
import { listMachines } from '../kit/list-machines.js';
import type { Api } from './ec2-api.js';
import type { Ec2 } from './ec2-client.js';
import { lookUp } from './instance-lifecycle.js';
import { findInstance, observe, placeData, reachOf, tagKeys, tagOf } from './instances.js';

/** The known machines as they are, then those of the cluster that are not known; one paginated call a region. */
export async function list(
  ec2: Ec2,
  known: readonly Machine[],
  signal: AbortSignal,
): Promise<ObservedMachine[]> {
  const places = await ec2.places(known);
  if (places.length === 0) places.push([await ec2.api(), []]);
  const lists = await Promise.all(
    places.map(async ([api, machines]) =>
      observed(api, await lookUp(api, ec2, machines, signal), machines, known),
    ),
  );
  return lists.flat();
}

function observed(
  api: Api,
  instances: readonly Instance[],
  machines: readonly Machine[],
  known: readonly Machine[],
): Promise<ObservedMachine[]> {
  const names = new Set(known.map(({ name }) => name));
  return listMachines(machines, {
    objects: instances,
    find: (machine) => findInstance(instances, machine),
    observe: (instance, machine) =>
      machine
        ? observe(instance, machine.name, reachOf(machine))
        : { ...observe(instance, strayName(instance, names), 'public'), driverData: placeData(api) },
  });
}

/** A second one of a known name, and one that was never named, go by their ids: they are other machines. */
function strayName(instance: Instance, known: ReadonlySet<string>): string {
  const name = tagOf(instance, tagKeys.machine);
  return name === undefined || known.has(name) ? (instance.InstanceId ?? '') : name;
}
