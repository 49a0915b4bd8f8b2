import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as z from 'zod/mini';
import { messageOf, UserError } from '../base/errors.js';
import type { Driver, DriverModule, DriverOptions } from './driver.js';
import { guardDriver, guardModuleCall } from './plugin-guard.js';
import { isOwnDriver } from './registry.js';

/** An npm package that brings a driver. */
export interface DriverPackage {
  name: string;
  version: string;
  /** Absolute. */
  folder: string;
  /** The file in it that exports `driver`, and the contract it is written for. */
  declared?: { driver: string; api: number };
}

/** The number of the contract in driver.ts: it goes up with a change that breaks drivers which keep to it. */
export const driverApi = 1;

/** Words that stand beside drivers' names at the top of settings files, or begin flags of belt's own. */
const reserved = ['driver', 'engine', 'managers', 'nodes', 'swarm', 'tls', 'workers'];

const setting = z.object({
  key: z.string().check(z.regex(/^[a-z][a-z0-9_]*$/, 'must be lower case, with _ between words')),
  summary: z.string(),
  type: z.enum(['string', 'integer', 'boolean', 'list']),
  env: z.optional(z.array(z.string())),
  secret: z.optional(z.boolean()),
  flag: z.optional(z.union([z.literal(false), z.string()])),
});
const shape = z.object({
  name: z.string().check(z.regex(/^[a-z][a-z0-9]*$/, 'must be lower case letters and digits')),
  summary: z.string(),
  settings: z.array(setting),
  checkSettings: z.optional(z.custom((value) => typeof value === 'function')),
  open: z.custom((value) => typeof value === 'function', 'must be a function'),
});

/**
 * Loads the driver of a package.
 * @throws UserError when it cannot be belt's, with what is wrong, where, and what to do
 */
export async function loadPackage(plugin: DriverPackage): Promise<DriverModule> {
  const driver = checked(await importDriver(plugin), plugin);
  const call = guardModuleCall(driver.name);
  return {
    name: driver.name,
    summary: driver.summary,
    settings: driver.settings,
    ...(driver.checkSettings && { checkSettings: call(driver.checkSettings.bind(driver)) }),
    open: call(async (options: DriverOptions) =>
      guardDriver(driver.name, withAllMethods(await driver.open(options))),
    ),
  };
}

/** What no driver may leave out. */
const methods = [
  'check',
  'create',
  'list',
  'start',
  'stop',
  'kill',
  'remove',
  'resize',
  'doctor',
] as const satisfies readonly (keyof Driver)[];

/** @throws Error that names what is missing; whoever guards the call says whose it is */
function withAllMethods(driver: Driver): Driver {
  const missing = methods.filter(
    (name) => typeof (driver as Partial<Driver> | undefined)?.[name] !== 'function',
  );
  if (missing.length === 0) return driver;
  throw new Error(`the driver that it opens has no ${missing.map((name) => `${name}()`).join(', ')}`);
}

async function importDriver(plugin: DriverPackage): Promise<unknown> {
  const { name, version, folder, declared } = plugin;
  if (!declared)
    throw new UserError(`${name} is no driver of belt's: its package.json does not declare one`, {
      hint: `a driver's has: "belt": {"driver": "./index.js", "api": ${driverApi}}`,
    });
  if (declared.api !== driverApi)
    throw new UserError(
      `${name} ${version} is written for drivers' API ${declared.api}, and this belt has ${driverApi}`,
      {
        hint:
          declared.api > driverApi
            ? 'use a newer belt'
            : `look for a newer one: belt plugins install ${name}`,
      },
    );
  try {
    const loaded = (await import(pathToFileURL(join(folder, declared.driver)).href)) as { driver?: unknown };
    return loaded.driver;
  } catch (cause) {
    throw new UserError(`${name} ${version} cannot be loaded: ${firstLine(messageOf(cause))}`, {
      hint: `it is in ${folder}; do without it: belt plugins uninstall ${name}`,
      cause,
    });
  }
}

function checked(driver: unknown, { name, version, declared }: DriverPackage): DriverModule {
  const where = `${name} ${version}`;
  if (driver === undefined)
    throw new UserError(`${where} has no driver: ${declared?.driver} does not export one as "driver"`);
  const result = shape.safeParse(driver);
  if (!result.success)
    throw new UserError(`${where} has no driver that belt can use: ${fault(result.error)}`);
  const module = driver as DriverModule;
  if (isOwnDriver(module.name) || reserved.includes(module.name))
    throw new UserError(`${where} calls its driver "${module.name}", and that name is belt's own`);
  const alien = module.settings.find(({ flag }) => flag && !flag.startsWith(`${module.name}-`));
  if (alien)
    throw new UserError(
      `${where} has a flag --${alien.flag}: flags of its driver must begin with --${module.name}-`,
    );
  return module;
}

function fault({ issues: [issue] }: z.core.$ZodError): string {
  return [issue?.path.join('.'), issue?.message].filter(Boolean).join(': ');
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] as string;
}
