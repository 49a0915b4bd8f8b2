import type { OsRelease } from '../model/os-release.js';
import type { Provisioner } from '../model/provisioner.js';
import { debian } from './debian.js';
import { redhat } from './redhat.js';
import { suse } from './suse.js';

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
