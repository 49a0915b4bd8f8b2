import { closest } from '../../base/closest.js';
import { UserError } from '../../base/errors.js';
import type { Machine, SettingValues } from '../driver.js';
import { recordedSetting } from '../kit/define-settings.js';
import type { Region } from './api-types.js';

/**
 * The region of a new machine: the one that its name begins with (`sgp1-node1`), else the
 * configured one.
 * @throws UserError for a region that is unknown or accepts no new droplets
 */
export function regionFor(name: string, configured: string, regions: readonly Region[]): string {
  const prefix = name.includes('-') ? name.slice(0, name.indexOf('-')) : undefined;
  const wanted = regions.find(({ slug }) => slug === prefix)?.slug ?? configured;
  const region = regions.find(({ slug }) => slug === wanted);
  const open = regions.filter(({ available }) => available).map(({ slug }) => slug);
  if (region?.available) return wanted;
  const suggestion = region ? undefined : closest(wanted, open);
  const problem = region
    ? `region ${wanted} accepts no new droplets at this time`
    : `unknown DigitalOcean region "${wanted}"`;
  throw new UserError(problem, {
    hint: suggestion ? `did you mean "${suggestion}"?` : `regions: ${open.sort().join(', ')}`,
  });
}

/** The region that a machine was created in, unless its name chose it. */
export function configuredRegion(machine: Pick<Machine, 'name' | 'driverData'>): SettingValues {
  const recorded = recordedSetting(machine, 'region');
  return machine.name.startsWith(`${recorded['region']}-`) ? {} : recorded;
}
