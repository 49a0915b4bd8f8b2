import type { Context } from '../app/context.js';
import type { Machine } from '../machines/model/machine.js';
import type { OsRelease } from './model/os-release.js';
import type { Provisioner } from './model/provisioner.js';
import { debian } from './provisioners/debian.js';
import { redhat } from './provisioners/redhat.js';
import { suse } from './provisioners/suse.js';
import { systemd } from './provisioners/systemd.js';

/** @returns undefined when a machine has its own install script: all machines boot with one text */
export async function firstBootInstaller(
  machines: readonly Pick<Machine, 'engine'>[],
  { templates }: Pick<Context, 'templates'>,
): Promise<string | undefined> {
  if (machines.some(({ engine }) => engine?.installUrl !== undefined)) return undefined;
  const { enable, start } = systemd.commands;
  return templates.render('cloud/engine.sh', { systems: installersBySystem(), enable, start });
}

/** Leaves out SLES, whose packages depend on the version, and systems that clouds rarely offer. */
function installersBySystem(): string {
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
