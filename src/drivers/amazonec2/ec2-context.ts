import { messageOf, UserError } from '../../base/errors.js';
import { groupBy } from '../../base/group-by.js';
import { readBoundedFile } from '../../base/size-limit.js';
import type { Templates } from '../../base/templates.js';
import type { Machine } from '../../machines/model/machine.js';
import type { ClusterRef, DriverOptions } from '../driver.js';
import { type Ec2Api, type Ec2Location, openApi } from './ec2-api.js';
import { type Ec2Settings, readSettings } from './ec2-settings.js';
import { memoryOfTypes } from './instance-types.js';
import { locationOf } from './instances.js';

export interface Ec2Context {
  settings: Ec2Settings;
  cluster: ClusterRef;
  templates: Templates;
  api(): Promise<Ec2Api>;
  byLocation(machines: readonly Machine[]): Promise<[Ec2Api, Machine[]][]>;
  /** Mebibytes by type. @throws UserError for a type that the region does not have */
  memoryOf(api: Ec2Api, types: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, number>>;
  /** Absolute path of the private key to log in with; undefined: the cluster's. */
  keyPath?: string;
  ownUserData(): Promise<string | undefined>;
}

export function openContext({ settings: values, cluster, templates, user }: DriverOptions): Ec2Context {
  const settings = readSettings(values);
  const apis = new Map<string, Promise<Ec2Api>>();
  const memory = new Map<string, number>();
  const apiAt = (location: Ec2Location): Promise<Ec2Api> => {
    const key = `${location.region ?? ''} ${location.endpoint ?? ''}`;
    const api = apis.get(key) ?? openApi(settings, location);
    apis.set(key, api);
    return api;
  };
  return {
    settings,
    ...(settings.sshKeypath !== undefined && { keyPath: user.resolvePath(settings.sshKeypath) }),
    cluster,
    templates,
    api: () => apiAt({}),
    async byLocation(machines) {
      const found = await Promise.all(
        machines.map(async (machine) => ({ machine, api: await apiAt(locationOf(machine)) })),
      );
      // Machines without a recorded location are grouped with those in the configured one.
      const groups = groupBy(found, ({ api: { region, endpoint } }) => JSON.stringify([region, endpoint]));
      return [...groups.values()].flatMap((group) =>
        group[0] ? [[group[0].api, group.map(({ machine }) => machine)]] : [],
      );
    },
    async memoryOf(api, types, signal) {
      const unknown = types.filter((type) => !memory.has(type));
      if (unknown.length === 0) return memory;
      for (const [type, mebibytes] of await memoryOfTypes(api, unknown, signal)) memory.set(type, mebibytes);
      return memory;
    },
    async ownUserData() {
      if (settings.userdata === undefined) return undefined;
      const path = user.resolvePath(settings.userdata);
      return readBoundedFile(path).catch((error) => {
        throw new UserError(`the setting userdata: ${messageOf(error)}`);
      });
    },
  };
}
