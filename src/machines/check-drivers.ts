import type { Context } from '../app/context.js';
import { explanationOf } from '../base/errors.js';
import type { Check } from '../drivers/driver.js';

export type { Check };

export interface Diagnosis {
  driver: string;
  checks: Check[];
}

/** @param named default: all drivers. @throws AbortError */
export async function diagnose(context: Context, named?: readonly string[]): Promise<Diagnosis[]> {
  const plugins = await context.plugins.drivers();
  return Promise.all(
    (named ?? context.drivers.names).map(async (name) => ({
      driver: name,
      checks:
        (plugins.includes(name) && (await checkPlugin(name, context))) || (await runChecks(name, context)),
    })),
  );
}

/** A driver that cannot be queried, for example because of wrong settings, has one failed check. */
async function runChecks(name: string, context: Context): Promise<Check[]> {
  try {
    return await (await context.driver(name)).doctor(context.signal);
  } catch (error) {
    context.signal.throwIfAborted();
    return [{ name: 'driver', ok: false, detail: explanationOf(error) }];
  }
}

/** A plugin that cannot be loaded fails alone. */
async function checkPlugin(name: string, { drivers }: Context): Promise<Check[] | undefined> {
  try {
    await drivers.load(name);
    return undefined;
  } catch (error) {
    return [{ name: 'plugin', ok: false, detail: explanationOf(error) }];
  }
}

export async function repair(diagnoses: readonly Diagnosis[], context: Context): Promise<Diagnosis[]> {
  const fixes = new Map(
    diagnoses.flatMap(({ checks }) =>
      checks.filter(({ ok }) => !ok).flatMap(({ name, fix }) => (fix ? [[fix, name] as const] : [])),
    ),
  );
  await context.reporter.stage('Fixing what is missing or left over', async (stage) => {
    for (const [fix, name] of fixes) {
      stage.step(`fixing ${name}`);
      await fix(context.signal);
    }
  });
  return context.reporter.stage('Checking drivers again', (stage) => {
    if (fixes.size > 0) stage.step('checking');
    return diagnose(
      context,
      diagnoses.map(({ driver }) => driver),
    );
  });
}

export function isHealthy({ checks }: Diagnosis): boolean {
  return checks.every(({ ok, optional }) => ok || optional);
}

/** Whether the chosen driver, or without a choice any driver, can create machines. */
export function isReady(diagnoses: readonly Diagnosis[], chosen: string | undefined): boolean {
  if (chosen === undefined) return diagnoses.some(isHealthy);
  return diagnoses.filter(({ driver }) => driver === chosen).every(isHealthy);
}
