import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as z from 'zod/mini';
import { messageOf, UserError } from '../base/errors.js';
import type { Driver, DriverModule, DriverOptions } from './driver.js';
import { guardDriver, guardModuleCall } from './plugin-guard.js';
import { isBuiltInDriver } from './registry.js';

interface DriverPackage {
  name: string;
  version: string;
  folder: string;
  /** `driver`: the file that exports it; `api`: the API version it implements. */
  declared?: { driver: string; api: number };
}

/** The version of the contract in driver.ts; breaking changes raise it. */
const driverApi = 1;

/** Other top-level keys of settings files, and prefixes of other flags. */
const reservedNames = ['driver', 'engine', 'managers', 'nodes', 'swarm', 'tls', 'workers'];

const settingSchema = z.object({
  key: z.string().check(z.regex(/^[a-z][a-z0-9_]*$/, 'must be lower case, with _ between words')),
  summary: z.string(),
  type: z.enum(['string', 'integer', 'boolean', 'list']),
  choices: z.optional(z.array(z.string())),
  env: z.optional(z.array(z.string())),
  secret: z.optional(z.boolean()),
  flag: z.optional(z.union([z.literal(false), z.string()])),
});
const moduleSchema = z.object({
  name: z.string().check(z.regex(/^[a-z][a-z0-9]*$/, 'must be lower case letters and digits')),
  summary: z.string(),
  settings: z.array(settingSchema),
  checkSettings: z.optional(z.custom((value) => typeof value === 'function')),
  open: z.custom((value) => typeof value === 'function', 'must be a function'),
});

/** @throws UserError with what is wrong, where, and what to do */
export async function loadPackage(plugin: DriverPackage): Promise<DriverModule> {
  const driver = requireValidModule(await importDriver(plugin), plugin);
  const call = guardModuleCall(driver.name);
  return {
    name: driver.name,
    summary: driver.summary,
    settings: driver.settings,
    ...(driver.checkSettings && { checkSettings: call(driver.checkSettings.bind(driver)) }),
    open: call(async (options: DriverOptions) =>
      guardDriver(driver.name, requireAllMethods(await driver.open(options))),
    ),
  };
}

const requiredMethods = [
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

/** @throws Error without the driver's name, which the guard of the call adds */
function requireAllMethods(driver: Driver): Driver {
  const missing = requiredMethods.filter(
    (name) => typeof (driver as Partial<Driver> | undefined)?.[name] !== 'function',
  );
  if (missing.length === 0) return driver;
  throw new Error(`the opened driver lacks ${missing.map((name) => `${name}()`).join(', ')}`);
}

async function importDriver(plugin: DriverPackage): Promise<unknown> {
  const { name, version, folder, declared } = plugin;
  if (!declared)
    throw new UserError(`${name} is not a belt driver: its package.json does not declare one`, {
      hint: `declare "belt": {"driver": "./index.js", "api": ${driverApi}}`,
    });
  if (declared.api !== driverApi)
    throw new UserError(
      `${name} ${version} requires driver API ${declared.api}, but this version of belt provides ${driverApi}`,
      { hint: declared.api > driverApi ? 'update belt' : `belt plugins install ${name}` },
    );
  try {
    const loaded = (await import(pathToFileURL(join(folder, declared.driver)).href)) as { driver?: unknown };
    return loaded.driver;
  } catch (cause) {
    throw new UserError(`cannot load ${name} ${version}: ${firstLine(messageOf(cause))}`, {
      hint: `check it in ${folder}, or remove it: belt plugins uninstall ${name}`,
      cause,
    });
  }
}

function requireValidModule(driver: unknown, { name, version, declared }: DriverPackage): DriverModule {
  const where = `${name} ${version}`;
  if (driver === undefined)
    throw new UserError(`${where} has no driver: ${declared?.driver} does not export one as "driver"`);
  const result = moduleSchema.safeParse(driver);
  if (!result.success) throw new UserError(`${where} has an invalid driver: ${firstIssue(result.error)}`);
  const module = driver as DriverModule;
  if (isBuiltInDriver(module.name) || reservedNames.includes(module.name))
    throw new UserError(`${where} names its driver "${module.name}", which belt reserves`);
  const foreign = module.settings.find(({ flag }) => flag && !flag.startsWith(`${module.name}-`));
  if (foreign)
    throw new UserError(
      `${where} has a flag --${foreign.flag}: flags of its driver must begin with --${module.name}-`,
    );
  return module;
}

function firstIssue({ issues: [issue] }: z.core.$ZodError): string {
  return [issue?.path.join('.'), issue?.message].filter(Boolean).join(': ');
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] as string;
}
