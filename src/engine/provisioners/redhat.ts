import type { Template } from '../../base/templates.js';
import { isLike, type OsRelease } from '../model/os-release.js';
import type { Provisioner } from '../model/provisioner.js';
import { systemd } from './systemd.js';

const dnf = (action: string): Template => ({ name: 'packages/dnf.sh', values: { action } });

export const redhat: Provisioner = {
  name: 'redhat',
  runs: isLike('rhel', 'fedora', 'centos', 'amzn', 'ol'),
  service: systemd,
  install: (os) => dnf(installer(os)),
  upgrade: dnf('upgrade_packages'),
  looksForNewer: dnf('check_for_newer'),
};

function installer(os: OsRelease): string {
  if (os.id === 'amzn') return 'install_from_amazon';
  // Docker's packages need newer libraries than Oracle Linux 7 has.
  if (os.id === 'ol' && os.versionId.split('.')[0] === '7') return 'install_from_oracle';
  return `install_from_docker ${folderOf(os)}`;
}

/** Docker has repositories for Fedora, RHEL and CentOS Stream, which all other rebuilds follow. */
function folderOf({ id, platformId }: OsRelease): string {
  if (id === 'rhel') return 'rhel';
  return id === 'fedora' || platformId.startsWith('platform:f') ? 'fedora' : 'centos';
}
