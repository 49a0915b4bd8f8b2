import type { Template } from '../../base/templates.js';
import { isLike, type OsRelease } from '../model/os-release.js';
import type { Provisioner } from '../model/provisioner.js';
import { systemd } from './systemd.js';

const dnf = (action: string): Template => ({ name: 'packages/dnf.sh', values: { action } });

export const redhat: Provisioner = {
  name: 'redhat',
  runs: (os) => isRedhat(os) || os.platformId.startsWith('platform:f'),
  service: systemd,
  install: (os) => dnf(installer(os)),
  upgrade: dnf('upgrade_packages'),
  looksForNewer: dnf('check_for_newer'),
};

const isRedhat = isLike('rhel', 'fedora', 'centos', 'amzn', 'ol');
const isRebuild = isLike('rhel', 'centos', 'ol');
const hasOwnPackage = isLike('amzn', 'mandriva');

function installer(os: OsRelease): string {
  if (hasOwnPackage(os)) return 'install_own_package';
  // Docker's packages need newer libraries than Oracle Linux 7 has.
  if (os.id === 'ol' && os.versionId.split('.')[0] === '7') return 'install_from_oracle';
  return `install_from_docker ${folderOf(os)}`;
}

/** Docker has repositories for Fedora, RHEL from 8 on, and CentOS, which all rebuilds of RHEL follow. */
function folderOf(os: OsRelease): string {
  if (os.id === 'rhel' && !os.versionId.startsWith('7')) return 'rhel';
  return isRebuild(os) && !os.platformId.startsWith('platform:f') ? 'centos' : 'fedora';
}
