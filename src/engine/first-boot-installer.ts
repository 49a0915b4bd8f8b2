import type { Context } from '../app/context.js';
import type { Machine } from '../machines/model/machine.js';
import type { OsRelease } from './model/os-release.js';
import type { Provisioner } from './model/provisioner.js';
import { debian } from './provisioners/debian.js';
import { redhat } from './provisioners/redhat.js';
import { suse } from './provisioners/suse.js';
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

/**
 * Branches of a shell's `case "$ID $ID_LIKE " in`, for a machine that finds out by itself what it is: the provisioners' own lines. SLES,
 * whose way goes by its version, and systems that clouds hardly have are left to belt.
 */
export function installersBySystem(): string {
  return [
    "'sles '*) exit 0 ;;",
    branch("*'debian '* | *'ubuntu '*", debian, 'debian'),
    branch("'amzn '*", redhat, 'amzn'),
    branch("'fedora '*", redhat, 'fedora'),
    branch("'rhel '*", redhat, 'rhel'),
    branch("*'rhel '* | *'centos '* | *'fedora '*", redhat, 'centos'),
    branch("*'suse '*", suse, 'opensuse'),
  ].join('\n');
}

function branch(pattern: string, { install }: Provisioner, id: string): string {
  const os: OsRelease = { id, idLike: [], versionId: '', codename: '', prettyName: '' };
  return `${pattern})\n${install?.(os) ?? 'exit 0'}\n;;`;
}
