import { closest } from '../../base/closest.js';
import { UserError } from '../../base/errors.js';
import type { Machine, SettingValues } from '../driver.js';
import { recordedSetting } from '../kit/define-settings.js';
import type { Region } from './api-types.js';

/**
 * The region of a new machine: that which its name begins with (`sgp1-node1`), or else the one that is set.
 * @throws UserError when that is none, or takes no new droplets
 */
export function regionFor(name: string, set: string, regions: readonly Region[]): string {
  const prefix = name.includes('-') ? name.slice(0, name.indexOf('-')) : undefined;
  const wanted = regions.find(({ slug }) => slug === prefix)?.slug ?? set;
  const region = regions.find(({ slug }) => slug === wanted);
  const open = regions.filter(({ available }) => available).map(({ slug }) => slug);
  if (region?.available) return wanted;
  const suggestion = region ? undefined : closest(wanted, open);
  const why = region ? `${wanted} takes no new droplets now` : `"${wanted}" is no region of DigitalOcean's`;
  throw new UserError(why, {
    hint: suggestion ? `did you mean "${suggestion}"?` : `regions: ${open.sort().join(', ')}`,
  });
}

/** The region that a machine was made in; nothing where its name chose it, whatever is set. */
export function setRegionOf(machine: Pick<Machine, 'name' | 'driverData'>): SettingValues {
  const recorded = recordedSetting(machine, 'region');
  return machine.name.startsWith(`${recorded['region']}-`) ? {} : recorded;
}
