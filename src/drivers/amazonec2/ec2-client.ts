import { readFile } from 'node:fs/promises';
import { messageOf, UserError } from '../../base/errors.js';
import { groupBy } from '../../base/group-by.js';
import type { Templates } from '../../base/templates.js';
import type { Machine } from '../../machines/model/machine.js';
import type { DriverOptions } from '../driver.js';
import { type Api, openApi, type Whereabouts } from './ec2-api.js';
import { type Ec2Settings, readSettings } from './ec2-settings.js';
import { memoryOfTypes } from './instance-memory.js';
import { type Cluster, placeOf } from './instances.js';

/** An open driver: what it was opened with, and what it has found out. */
export interface Ec2 {
  settings: Ec2Settings;
  cluster: Cluster;
  templates: Templates;
  /** Where new machines are made. */
  api(): Promise<Api>;
  /** Machines by where they were made: each region, and endpoint, is another EC2. */
  places(machines: readonly Machine[]): Promise<[Api, Machine[]][]>;
  /** Mebibytes by type. @throws UserError for a type that the region does not have */
  memoryOf(api: Api, types: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, number>>;
  /** Absolute path of the private key to log in with; absent: the cluster's. */
  keyPath?: string;
  /** The person's own user data. */
  own(): Promise<string | undefined>;
}

export function openEc2({ settings: values, cluster, templates, person }: DriverOptions): Ec2 {
  const settings = readSettings(values);
  const apis = new Map<string, Promise<Api>>();
  const memory = new Map<string, number>();
  const apiAt = (place: Whereabouts): Promise<Api> => {
    const key = `${place.region ?? ''} ${place.endpoint ?? ''}`;
    const api = apis.get(key) ?? openApi(settings, place);
    apis.set(key, api);
    return api;
  };
  return {
    settings,
    ...(settings.sshKeypath !== undefined && { keyPath: person.resolvePath(settings.sshKeypath) }),
    cluster,
    templates,
    api: () => apiAt({}),
    async places(machines) {
      const found = await Promise.all(
        machines.map(async (machine) => ({ machine, api: await apiAt(placeOf(machine)) })),
      );
      // Whose place is not recorded is where the settings say, with those that were recorded there.
      const groups = groupBy(found, ({ api: { region, endpoint } }) => JSON.stringify([region, endpoint]));
      return [...groups.values()].flatMap((mine) =>
        mine[0] ? [[mine[0].api, mine.map(({ machine }) => machine)]] : [],
      );
    },
    async memoryOf(api, types, signal) {
      const unknown = types.filter((type) => !memory.has(type));
      if (unknown.length === 0) return memory;
      for (const [type, mebibytes] of await memoryOfTypes(api, unknown, signal)) memory.set(type, mebibytes);
      return memory;
    },
    async own() {
      if (settings.userdata === undefined) return undefined;
      const path = person.resolvePath(settings.userdata);
      return readFile(path, 'utf8').catch((error) => {
        throw new UserError(`the setting userdata: ${messageOf(error)}`);
      });
    },
  };
}
