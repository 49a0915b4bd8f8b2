import type { Check } from '../drivers/driver.js';
import { driverNames } from '../drivers/registry.js';
import type { Context } from './context.js';
import { sharedLine } from './shared-line.js';

export type { Check };

export interface Diagnosis {
  driver: string;
  checks: Check[];
}

/** What drivers need of this computer, and whether it is there; absent, all drivers are asked. */
export async function diagnose(
  context: Context,
  drivers: readonly string[] = driverNames,
): Promise<Diagnosis[]> {
  return Promise.all(
    drivers.map(async (name) => ({
      driver: name,
      checks: await (await context.driver(name)).doctor(context.signal),
    })),
  );
}

/** Puts right what can be put right, then looks again. */
export async function repair(diagnoses: readonly Diagnosis[], context: Context): Promise<Diagnosis[]> {
  const fixes = new Map(
    diagnoses.flatMap(({ checks }) =>
      checks.filter(({ ok }) => !ok).flatMap(({ name, fix }) => (fix ? [[fix, name] as const] : [])),
    ),
  );
  for (const [fix, name] of fixes) {
    const line = sharedLine(name, context.reporter);
    line.update('installing');
    try {
      await fix(context.signal);
      await line.end();
    } catch (error) {
      await line.end((error as Error).message);
      throw error;
    }
  }
  return diagnose(
    context,
    diagnoses.map(({ driver }) => driver),
  );
}

export function isHealthy({ checks }: Diagnosis): boolean {
  return checks.every(({ ok, optional }) => ok || optional);
}

/**
 * Whether belt can make machines: with the driver that was chosen, or, where none is, with any. Hardly a computer has the programs of all.
 */
export function isReady(diagnoses: readonly Diagnosis[], chosen: string | undefined): boolean {
  if (chosen === undefined) return diagnoses.some(isHealthy);
  return diagnoses.filter(({ driver }) => driver === chosen).every(isHealthy);
}
