import type { Instance } from '@aws-sdk/client-ec2';
import type { Machine, ObservedMachine } from '../../machines/model/machine.js';
import { listMachines } from '../kit/list-machines.js';
import type { Api } from './ec2-api.js';
import type { Ec2 } from './ec2-client.js';
import { findInstances } from './instance-lifecycle.js';
import { addressKindOf, findInstance, locationData, observe, tagKeys, tagOf } from './instances.js';

/** Makes one paginated call per region. */
export async function list(
  ec2: Ec2,
  known: readonly Machine[],
  signal: AbortSignal,
): Promise<ObservedMachine[]> {
  const locations = await ec2.byLocation(known);
  if (locations.length === 0) locations.push([await ec2.api(), []]);
  const lists = await Promise.all(
    locations.map(async ([api, machines]) =>
      observed(api, await findInstances(api, ec2, machines, signal), machines, known),
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
        ? observe(instance, machine.name, addressKindOf(machine))
        : { ...observe(instance, strayName(instance, names), 'public'), driverData: locationData(api) },
  });
}

/** The id, for instances without a name tag and for duplicates of a known name. */
function strayName(instance: Instance, known: ReadonlySet<string>): string {
  const name = tagOf(instance, tagKeys.machine);
  return name === undefined || known.has(name) ? (instance.InstanceId ?? '') : name;
}
