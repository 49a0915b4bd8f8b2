import type { Command } from '@oclif/core';
import { messageOf } from '../base/errors.js';
import type { Drivers } from '../drivers/registry.js';
import { readEnvironment } from '../state/environment.js';
import { openPlugins } from '../state/plugin-store.js';
import { oneLine } from '../ui/safe-text.js';
import { flagGroup, flagsOf } from './driver-flags.js';
import { driversOf } from './open-drivers.js';

export function driverIn(argv: readonly string[]): string | undefined {
  for (const [index, word] of argv.entries()) {
    if (/^(-d|--?driver)$/.test(word)) return argv[index + 1];
    const [, value] = /^(?:--?driver=|-d=?)(.+)$/.exec(word) ?? [];
    if (value !== undefined) return value;
  }
  return undefined;
}

/** Keeps only this driver's flags. @throws UserError if it is unknown or cannot be loaded */
export async function withFlagsOf(
  driver: string | undefined,
  command: Command.Loadable,
): Promise<Command.Loadable> {
  const drivers = await findDrivers();
  const groups = drivers.names.map(flagGroup);
  const shared = Object.entries(command.flags).filter(
    ([, { helpGroup = '' }]) => !groups.includes(helpGroup),
  );
  const chosen = driver === undefined ? {} : flagsOf(await drivers.load(drivers.nameOf(driver)));
  const named = Object.entries(chosen).map(([name, flag]) => [name, { ...flag, name }]);
  return { ...command, flags: Object.fromEntries([...shared, ...named]) };
}

/** One row per driver: name and summary. */
export async function helpOfDrivers(): Promise<[string, string][]> {
  const drivers = await findDrivers();
  return Promise.all(
    drivers.names.map(async (name): Promise<[string, string]> => [name, await summaryOf(name, drivers)]),
  );
}

async function summaryOf(name: string, drivers: Drivers): Promise<string> {
  try {
    return oneLine((await drivers.load(name)).summary);
  } catch (error) {
    return oneLine(messageOf(error));
  }
}

function findDrivers(): Promise<Drivers> {
  return driversOf(openPlugins(readEnvironment()));
}
