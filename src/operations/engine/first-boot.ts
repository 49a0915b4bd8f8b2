import { installersBySystem } from '../../engine/first-boot.js';
import { systemd } from '../../engine/systemd.js';
import type { Machine } from '../../machines/machine.js';
import type { Context } from '../context.js';

/**
 * What machines that are made together run at their first boot to have the distribution's engine, for drivers that are set to hand it over.
 * @returns undefined where one of them is to have its engine from elsewhere: they boot with the same text
 */
export async function firstBootInstaller(
  machines: readonly Pick<Machine, 'engine'>[],
  { templates }: Pick<Context, 'templates'>,
): Promise<string | undefined> {
  if (machines.some(({ engine }) => engine?.installUrl !== undefined)) return undefined;
  const { enable, start } = systemd.commands;
  return templates.render('cloud/engine.sh', { systems: installersBySystem(), enable, start });
}
