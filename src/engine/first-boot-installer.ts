import type { Context } from '../app/context.js';
import type { Machine } from '../machines/model/machine.js';
import { installersBySystem } from './provisioners/installers.js';
import { systemd } from './provisioners/systemd.js';

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
