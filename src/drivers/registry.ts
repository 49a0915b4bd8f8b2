import { closest, nameHint } from '../base/closest.js';
import { UserError } from '../base/errors.js';
import type { DriverModule } from './driver.js';

type DriverLoader = () => Promise<DriverModule>;

export interface Drivers {
  readonly names: readonly string[];
  /** The full name for a short one; unknown names are returned unchanged. */
  nameOf(written: string): string;
  /** @throws UserError for an unknown name, or a plugin's driver that cannot be loaded */
  load(name: string): Promise<DriverModule>;
}

const builtIn: Readonly<Record<string, DriverLoader>> = {
  amazonec2: async () => (await import('./amazonec2/index.js')).driver,
  digitalocean: async () => (await import('./digitalocean/index.js')).driver,
  generic: async () => (await import('./generic/index.js')).driver,
  none: async () => (await import('./none/index.js')).driver,
  nspawn: async () => (await import('./nspawn/index.js')).driver,
  virtualbox: async () => (await import('./virtualbox/index.js')).driver,
};

/** For the command line only; records and settings use full names. */
const aliases: ReadonlyMap<string, string> = new Map([['ec2', 'amazonec2']]);

export const builtInDrivers = driversWith(new Map());

/** A plugin cannot replace a built-in driver. */
export function driversWith(added: ReadonlyMap<string, DriverLoader>): Drivers {
  const loaders = new Map([
    ...Object.entries(builtIn),
    ...[...added].filter(([name]) => !isBuiltInDriver(name)),
  ]);
  const names = [...loaders.keys()];
  return {
    names,
    nameOf: (written) => aliases.get(written) ?? written,
    async load(name) {
      const load = loaders.get(name);
      if (load) return load();
      const hint = nameHint(name, names);
      throw new UserError(`unknown driver "${name}"`, {
        errorCode: 'driver-not-found',
        hint: closest(name, names) ? hint : `${hint}, or install another: belt plugins install PACKAGE`,
      });
    },
  };
}

export function isBuiltInDriver(name: string): boolean {
  return Object.hasOwn(builtIn, name) || aliases.has(name);
}
